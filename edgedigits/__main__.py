"""`python -m edgedigits` is `edgedigits`."""

from edgedigits.cli import main

if __name__ == "__main__":
    main()
