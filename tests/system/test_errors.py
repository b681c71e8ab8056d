import inspect
import re

import pytest

from edgedigits import errors
from edgedigits.errors import EdgeDigitsError, UsageError, unknown

ERRORS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, EdgeDigitsError)]


def documented() -> dict[str, tuple[str, int | None]]:
    """Of each error in the tree that the docstring prints: its parent, and its exit code where one is printed."""
    found: dict[str, tuple[str, int | None]] = {}
    above: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        if match := re.match(r" {4}([│├└─ ]*)([A-Z]\w+) *(\d)?", line):
            level = len(match[1]) // 4
            above = [*above[:level], match[2]]
            found[match[2]] = (above[level - 1] if level else "Exception", int(match[3]) if match[3] else None)
    return found


@pytest.mark.parametrize("kind", ERRORS)
def test_the_tree_in_the_docstring_is_the_tree_of_the_code(kind: type[EdgeDigitsError]) -> None:
    parent, code = documented()[kind.__name__]
    assert kind.__base__ is not None
    assert kind.__base__.__name__ == parent
    assert code in (kind.exit_code, None)


def test_the_docstring_prints_no_error_that_does_not_exist() -> None:
    assert documented().keys() == {kind.__name__ for kind in ERRORS}


@pytest.mark.parametrize(
    ("name", "exit_code"),
    [
        ("UsageError", 2),
        ("RecordError", 3),
        ("DataError", 3),
        ("CheckpointError", 3),
        ("ModelFileError", 3),
        ("MissingCapability", 4),
    ],
)
def test_each_error_has_the_promised_exit_code(name: str, exit_code: int) -> None:
    assert getattr(errors, name).exit_code == exit_code


def test_a_usage_error_is_a_value_error_for_callers_of_the_library() -> None:
    with pytest.raises(ValueError, match="unknown model"):
        raise unknown("model", "x", ["fc"])


@pytest.mark.parametrize("misspelt", ["tochscript", "TorchScript", "torch-script"])
def test_an_unknown_name_gets_the_nearest_known_one(misspelt: str) -> None:
    error = unknown("format", misspelt, ["onnx", "torchscript"])
    assert isinstance(error, UsageError)
    assert str(error) == f"unknown format '{misspelt}': did you mean 'torchscript'? Known: onnx, torchscript."


def test_the_nearest_name_is_found_in_any_case() -> None:
    assert "did you mean 'onnx'?" in str(unknown("format", "ONNX", ["onnx", "torchscript"]))


def test_a_name_like_no_other_gets_no_suggestion_but_the_list() -> None:
    assert str(unknown("model", "qqq", (name for name in ("fc", "cnn")))) == "unknown model 'qqq': Known: fc, cnn."
