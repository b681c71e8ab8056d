"""What engines and embed targets need from npm, brought before they are asked, so that its download can be watched."""

import functools
from collections.abc import Iterable

from edgedigits.records.progress import Observer, Progress, ignore
from edgedigits.system import npm


def bring(packages: Iterable[str], observer: Observer = ignore) -> None:
    """Install those of `npm.PACKAGES` that are not there yet. Raises MissingCapability."""
    for package in packages:
        npm.modules(package, functools.partial(_tell, observer, f"npm: {package}"))


def _tell(observer: Observer, task: str, done: int, total: int) -> None:
    observer(Progress(task, done, total))
