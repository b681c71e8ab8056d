"""The one way templates are rendered: strictly, so that a name that is not there is an error."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import jinja2


def from_folders(*folders: Path, escape: bool = False) -> "jinja2.Environment":
    """An environment whose templates lie in folders, looked for in their order.

    escape   what they are given, for HTML: it may be a stranger's
    """
    import jinja2

    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(folders),
        autoescape=escape,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
