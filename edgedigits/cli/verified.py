"""`edgedigits-verified FILES`, what pre-commit runs: changed model files must be those that were verified.

Exit codes: 0 where they are, 3 where one is not. Neither torch nor data are needed, and no file is loaded.
"""

import sys
from pathlib import Path

from edgedigits.cli.voice import say
from edgedigits.errors import BadInput
from edgedigits.verify.recorded import find_unverified


def main() -> None:
    """Check the files that are named on the command line."""
    sentences = find_unverified(map(Path, sys.argv[1:]))
    for sentence in sentences:
        say(sentence)
    if sentences:
        sys.exit(BadInput.exit_code)
