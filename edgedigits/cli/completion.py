"""What Tab completes: names of presets, formats, engines, targets, documents, data sets, runs and exported models.

Nothing here imports torch, so that a press of Tab is answered at once (`edgedigits --install-completion`).
"""

from collections.abc import Callable, Iterable
from pathlib import Path

from typer import Context

Completer = Callable[[Context, str], list[str]]


def _starting(names: Callable[[Context], Iterable[str]]) -> Completer:
    """A completer of the names that begin as what was typed."""

    def complete(context: Context, incomplete: str) -> list[str]:
        return [name for name in names(context) if name.startswith(incomplete)]

    return complete


def _presets(_: Context) -> Iterable[str]:
    from edgedigits.models.presets import ALL

    return ALL.names


def _recipes(_: Context) -> Iterable[str]:
    from edgedigits.models.presets import RECIPES

    return RECIPES


def _datasets(_: Context) -> Iterable[str]:
    from edgedigits.data.published import KNOWN

    return KNOWN


def _formats(_: Context) -> Iterable[str]:
    from edgedigits.export.formats import FORMATS

    return FORMATS.names


def _inputs(_: Context) -> Iterable[str]:
    from edgedigits.export.formats import INPUTS

    return INPUTS


def _methods(_: Context) -> Iterable[str]:
    from edgedigits.export.formats import METHODS

    return METHODS


def _engines(_: Context) -> Iterable[str]:
    from edgedigits.runtime.engines import ENGINES

    return ENGINES.names


def _settings(_: Context) -> Iterable[str]:
    from edgedigits.runtime.engines import DEFAULT, EXACT

    return DEFAULT, EXACT


def _targets(_: Context) -> Iterable[str]:
    from edgedigits.embed.targets import TARGETS

    return TARGETS.names


def _documents(_: Context) -> Iterable[str]:
    from edgedigits.cli.schema import DOCUMENTS

    return DOCUMENTS


def _runs(context: Context) -> Iterable[str]:
    """Names of runs below the folder that `--runs` names."""
    return sorted(path.parent.name for path in _folder(context, "runs").glob("*/checkpoint.json"))


def _exported(context: Context) -> Iterable[str]:
    """Names of exported models below the folder that `--exports` names."""
    return sorted(path.parent.name for path in _folder(context, "exports").glob("*/manifest.json"))


def _export_folders(context: Context) -> Iterable[str]:
    """Folders of exported models below the one that `--exports` names."""
    return sorted(str(path.parent) for path in _folder(context, "exports").glob("*/manifest.json"))


def _files(context: Context) -> Iterable[str]:
    """Exported files below the folder that `--exports` names. Where none fits, the shell completes any file."""
    from edgedigits.export.formats import format_of

    return sorted(str(path) for path in _folder(context, "exports").glob("*/*") if format_of(path))


def _folder(context: Context, option: str) -> Path:
    return Path(context.params.get(option) or option)


presets, recipes, datasets = _starting(_presets), _starting(_recipes), _starting(_datasets)
formats, inputs, methods = _starting(_formats), _starting(_inputs), _starting(_methods)
engines, settings, targets = _starting(_engines), _starting(_settings), _starting(_targets)
documents = _starting(_documents)
runs, exported = _starting(_runs), _starting(_exported)
export_folders, files = _starting(_export_folders), _starting(_files)
