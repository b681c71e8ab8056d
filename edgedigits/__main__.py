"""`python -m edgedigits` is `edgedigits`, and what torchrun starts."""

from edgedigits.cli.main import main

if __name__ == "__main__":
    main()
