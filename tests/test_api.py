"""The public API: everything the package promises, resolved only when it is used."""

import ast
import importlib
import importlib.metadata
import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest

import edgedigits as ed
from edgedigits.data.dataset import Dataset

PACKAGES = {"bench", "embed", "export", "train", "verify"}  # that have a function of their name
FUNCTIONS = PACKAGES | {"load", "score"}
PROMISED = FUNCTIONS | {"Artifact", "Checkpoint", "Limits", "ModelSpec", "ParityReport", "Recipe", "Verification"}
PROMISED |= {"inspect", "Benchmark", "Embedding", "Inspection", "Scorer", "ScoreSummary"}
HEAVY = {"numpy", "onnx", "onnxruntime", "PIL", "rich", "torch", "torchvision", "typer"}


def test_importing_the_package_imports_nothing_heavy() -> None:
    script = "import sys, edgedigits as ed; dir(ed); ed.Recipe; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert "edgedigits.records" in found
    assert not HEAVY & set(found)


@pytest.mark.parametrize("name", sorted(PROMISED | set(ed.__all__)))
def test_every_public_name_resolves(name: str) -> None:
    assert name in ed.__all__
    assert name in dir(ed)
    value = getattr(ed, name)
    assert value.__module__.startswith("edgedigits.")
    assert inspect.getdoc(value)


def test_load_data_is_the_loader_of_data_sets(digits_folder: Path, digits: Dataset) -> None:
    assert ed.load_data(digits_folder).ref == digits.ref


@pytest.mark.parametrize("name", sorted(PACKAGES))
def test_a_function_is_not_displaced_by_the_package_of_its_name(name: str) -> None:
    package = importlib.import_module(f"edgedigits.{name}")
    assert inspect.ismodule(package)
    function = getattr(ed, name)
    assert function.__module__.startswith(f"edgedigits.{name}.")
    assert function is getattr(importlib.import_module(function.__module__), name)


def test_nor_where_the_package_is_imported_first() -> None:
    code = f"""if True:
        import importlib, inspect, edgedigits as ed
        for name in {sorted(PACKAGES)}:
            importlib.import_module(f"edgedigits.{{name}}")
            assert inspect.isfunction(getattr(ed, name)), name
    """
    subprocess.run([sys.executable, "-c", code], check=True)


def test_without_torch_what_needs_it_says_so_and_the_rest_is_there() -> None:
    code = """if True:
        import sys
        sys.modules["torch"] = None  # as if it were not installed
        import edgedigits as ed
        from edgedigits.errors import MissingCapability
        for name in ed.__all__:
            try:
                getattr(ed, name)
            except MissingCapability as error:
                print(error)
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    how = "needs torch, which is not installed here: pip install torch torchvision, with a network"
    assert done.stdout.splitlines() == [f"edgedigits.{name} {how}" for name in ("adopt", "export", "train")]


def test_type_checkers_see_the_names_that_there_are() -> None:
    """What is imported for them alone is what is resolved at run time, from the same place."""
    tree = ast.parse(Path(ed.__file__).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.asname or alias.name: f"{statement.module}:{alias.name}"
        for statement in block.body
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
    }
    assert seen.keys() == set(ed.__all__)
    for name, place in seen.items():
        module, _, attribute = place.partition(":")
        assert getattr(importlib.import_module(module), attribute) is getattr(ed, name)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'edgedigits' has no attribute 'trian'"):
        _ = ed.trian
    assert not hasattr(ed, "nothing")


def test_the_version_is_that_of_the_distribution() -> None:
    assert ed.__version__ == importlib.metadata.version("edgedigits")


def test_the_example_of_the_docstring_works(digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Line by line, on tiny data: train, export, verify, load."""
    monkeypatch.chdir(tmp_path)
    run = ed.train("fc", digits, epochs=8, batch_size=50, device="cpu")
    files = ed.export(run, ["onnx"], quantize=True)
    report = ed.verify(files, dataset=digits)
    predict = ed.load(files[0].path)
    logits, probabilities = predict(digits.test.images)
    assert report.passed
    assert [file.format for file in files] == ["onnx", "onnx-int8"]
    assert (logits.argmax(1) == digits.test.labels).mean() == run.metrics.test_accuracy
    assert probabilities.sum(axis=1) == pytest.approx(1)


@pytest.mark.parametrize(("said", "wanted"), [(None, "1"), ("0", "0")])
def test_onnxruntime_tells_its_makers_nothing_unless_the_user_wants_it_to(said: str | None, wanted: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    code = "import os, edgedigits; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment | ({"ORT_DISABLE_TELEMETRY": said} if said else {}),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == wanted
