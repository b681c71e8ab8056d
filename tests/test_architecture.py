"""The house: imports go one way, nothing turns in a circle, and a device without torch can do what needs none.

The rules are read off the source with `ast`, so that nothing has to be imported to know them; and they are shown to
fail, each on a copy of the package with one fault planted in it.
"""

import ast
import functools
import graphlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "edgedigits"
FLOORS = (  # from below: a room may import from the floors below its own, and from itself
    ("errors",),
    ("system",),
    ("records",),
    ("data", "models"),
    ("train", "export"),
    ("runtime",),
    ("adopt",),
    ("verify", "inference", "embed"),
    ("bench",),
    ("cli",),
)
DOORS = ("__init__", "__main__")  # stand before all rooms
MOST_ROOMS = 16  # packages and modules at the top
MOST_LINES = 400  # of a module
LIGHT = (
    "errors",
    "system",
    "records",
    "data",
    "runtime",
    "adopt",
    "verify",
    "inference",
    "embed",
    "bench",
    "cli",
)  # do not need torch
HEAVY = {  # modules of light rooms that do, each with its reason
    "adopt.adopted": "a run is a torch model",
    "adopt.adopter": "a run is a torch model",
    "adopt.apart": "it runs somebody's torch module",
    "adopt.fitting": "it makes somebody's torch module, by its shapes alone",
    "adopt.guess": "it narrows networks to some classes, as `built` does",
    "adopt.lifted": "it asks torch for the graph of one image",
    "adopt.own": "it asks a torch module",
    "adopt.built": "it runs networks in torch",
    "adopt.contest": "it runs networks in torch",
    "adopt.traced": "it asks torch what a module does",
    "adopt.kept": "it asks torch for a whole graph",
    "adopt.listing": "it takes torch's graph apart",
    "adopt.aten": "it is the table of torch's words",
    "verify.torch_model": "it is the torch model that files are compared with",
    "bench.tutorial": "it is torch's tutorials, as published",
}
LATE = {  # imports of torch, or of what needs it, inside functions of light rooms, each with its reason
    ("system.environment", "torch"): "it asks torch for what results depend on, where there is one",
    ("runtime.load", "torch"): "a run folder is a torch model",
    ("runtime.load", "models.classifier"): "a run folder is a torch model",
    ("runtime.load", "models.weights"): "a run folder is a torch model",
    ("runtime.engines.torchscript", "torch"): "what runs TorchScript is torch",
    ("runtime.engines.torchscript", "export.torch.torchscript"): "it knows where torch gives TorchScript up",
    ("runtime.engines.pt2", "torch"): "what runs pt2 files is torch",
    ("verify.references", "verify.torch_model"): "a checkpoint is asked where torch is installed",
    ("verify.against", "torch"): "a run that is named is asked by torch, or it says at once that there is none",
    ("verify.conditions", "torch"): "images are zoomed as in training, and only for a torch model to compare with",
    ("verify.conditions", "train.augmentation"): "images are zoomed as in training",
    ("verify.reproduce", "torch"): "it says at once where torch is missing",
    ("verify.reproduce", "export.exporter"): "to make files again takes what made them",
    ("verify.reproduce", "train.trainer"): "to make weights again takes what made them",
    ("bench.gpu", "models.classifier"): "to race is to train",
    ("bench.gpu", "models.weights"): "to race is to train",
    ("bench.gpu", "train.device"): "to race is to train",
    ("bench.gpu", "train.trainer"): "to race is to train",
    ("bench.records", "export.exporter"): "of a training, whose C file is measured, too",
    ("bench.records", "train.trainer"): "a record is a training",
    ("bench.records", "verify.verifier"): "of a training, whose files are verified, too",
    ("bench.search", "models.classifier"): "to search is to train",
    ("bench.search", "torch"): "to search is to train",
    ("bench.search", "train.device"): "to search is to train",
    ("bench.search", "train.loop"): "to search is to train",
    ("bench.training", "bench.tutorial"): "to measure a training is to train",
    ("bench.training", "models.classifier"): "to measure a training is to train",
    ("bench.training", "train.trainer"): "to measure a training is to train",
    ("cli.adopt", "adopt.adopter"): "a run is a torch model",
    ("cli.train", "train.device"): "`train` trains",
    ("cli.train", "train.distributed"): "`train` trains",
    ("cli.train", "train.trainer"): "`train` trains",
    ("cli.export", "export.exporter"): "`export` exports",
    ("cli.measure", "export.exporter"): "it measures what was trained and exported",
}


@dataclass(frozen=True)
class Import:
    """That one module imports another; `late` where it does so inside a function, `typing` only for type checkers."""

    source: str
    target: str
    late: bool
    typing: bool


class House:
    """A package's modules, by name without the package's own, and what each imports."""

    def __init__(self, package: Path) -> None:
        self.package = package
        self.paths = {self._name(path): path for path in sorted(package.rglob("*.py")) if "programs" not in path.parts}
        self.imports = [found for name, path in self.paths.items() for found in self._imports(name, path)]

    def _name(self, path: Path) -> str:
        parts = path.relative_to(self.package).with_suffix("").parts
        return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)

    def _imports(self, name: str, path: Path) -> Iterator[Import]:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        late = {inner for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) for inner in ast.walk(node)}
        typing = {inner for node in ast.walk(tree) if _is_type_checking(node) for inner in ast.walk(node)}
        for node in ast.walk(tree):
            for target in self._targets(node):
                if target != name:
                    yield Import(name, target, node in late, node in typing)

    def _targets(self, node: ast.AST) -> Iterator[str]:
        """What an import statement imports: modules of the house, or torch."""
        if isinstance(node, ast.Import):
            yield from (alias.name.removeprefix("edgedigits.") for alias in node.names if _counts(alias.name))
        if isinstance(node, ast.ImportFrom) and _counts(node.module or ""):
            base = (node.module or "").removeprefix("edgedigits").removeprefix(".") or "__init__"
            for alias in node.names:
                inner = f"{base}.{alias.name}".removeprefix("__init__.")
                yield "torch" if base.partition(".")[0] == "torch" else inner if inner in self.paths else base
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "import_torch":
            yield "torch"

    @functools.cached_property
    def torch(self) -> set[str]:
        """Modules whose import brings torch."""
        known = {"torch"}
        while True:
            direct = {
                found.source for found in self.imports if found.target in known and not (found.late or found.typing)
            }
            inside = {name for name in self.paths if any(name.startswith(f"{package}.") for package in direct)}
            if direct | inside <= known:
                return known
            known |= direct | inside


def _is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _counts(module: str) -> bool:
    return module.partition(".")[0] in ("edgedigits", "torch")


def room(module: str) -> str:
    return module.partition(".")[0]


def floor(module: str) -> int:
    return next((number for number, rooms in enumerate(FLOORS) if room(module) in rooms), -1)


def upward(house: House) -> list[str]:
    """Imports that go up, or to the room beside."""
    return [
        f"{found.source} imports {found.target}"
        for found in house.imports
        if found.target != "torch"
        and room(found.source) not in DOORS
        and room(found.source) != room(found.target)
        and floor(found.target) >= floor(found.source)
    ]


def circles(house: House) -> list[str]:
    """Modules that import each other."""
    graph: dict[str, set[str]] = {name: set() for name in house.paths}
    for found in house.imports:
        if not (found.typing or found.target == "torch" or found.late):
            graph[found.source].add(found.target)
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return [" imports ".join(error.args[1])]
    return []


def strangers(house: House) -> list[str]:
    """Rooms that are not in the order."""
    return sorted({room(name) for name in house.paths if floor(name) < 0} - {*DOORS})


def long(house: House) -> list[str]:
    """Modules that are too long."""
    counts = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in house.paths.items()}
    return [f"{name}: {count} lines" for name, count in counts.items() if count > MOST_LINES]


def heavy(house: House) -> list[str]:
    """Modules of light rooms whose import brings torch, by name, and late imports that nobody gave a reason for."""
    brought = [name for name in sorted(house.torch) if room(name) in LIGHT and name not in HEAVY]
    late = {
        (found.source, found.target)
        for found in house.imports
        if found.late and found.target in house.torch and room(found.source) in LIGHT and found.source not in HEAVY
    }
    return brought + [f"{source} imports {target} late" for source, target in sorted(late - LATE.keys())]


RULES = (upward, circles, strangers, long, heavy)


@pytest.fixture(scope="module")
def house() -> House:
    return House(PACKAGE)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_house_keeps_its_rules(house: House, rule: object) -> None:
    assert rule(house) == []  # type: ignore[operator]


def test_no_reason_is_given_for_what_is_gone(house: House) -> None:
    late = {(found.source, found.target) for found in house.imports if found.late}
    assert LATE.keys() - late == set()
    assert HEAVY.keys() - house.torch == set()


def test_the_top_is_small() -> None:
    top = [path for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()]
    assert len(top) <= MOST_ROOMS
    data = [path.name for path in PACKAGE.iterdir() if path not in top and path.name != "__pycache__"]
    assert data == ["py.typed"]


def test_every_package_says_what_its_rooms_are(house: House) -> None:
    for name, path in house.paths.items():
        if path.name == "__init__.py" and name != "__init__":
            text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
            assert text, name
            assert len(text) > 80, name


def test_light_rooms_are_imported_without_torch() -> None:
    """The same as `heavy` reads off the source, asked of Python itself."""
    names = [name for name in House(PACKAGE).paths if room(name) in LIGHT and name not in HEAVY]
    code = f"""if True:
        import importlib, sys
        for name in {names!r}:
            importlib.import_module(f"edgedigits.{{name}}")
            assert "torch" not in sys.modules, name
    """
    subprocess.run([sys.executable, "-c", code], check=True, cwd=PACKAGE.parent)


FAULTS = {  # in a module of a copy: lines put before its own, and the rule that finds them
    "an import that goes up": ("records/words.py", "from edgedigits.verify import gate", upward),
    "one that goes up inside a function": ("data/idx.py", "def f():\n    from edgedigits.cli import app", upward),
    "one to the room beside": ("embed/golden.py", "from edgedigits.inference import predict", upward),
    "a circle": ("verify/gate.py", "from edgedigits.verify import verifier", circles),
    "a room that nobody knows": ("attic/__init__.py", "", strangers),
    "a module that never ends": ("verify/gate.py", "#\n" * MOST_LINES, long),
    "torch in a light room": ("inference/predict.py", "import torch", heavy),
    "torch behind another import": ("verify/gate.py", "from edgedigits.verify import torch_model", heavy),
    "torch inside a function": ("inference/predict.py", "def f():\n    import torch", heavy),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_that_is_planted_is_found(name: str, tmp_path: Path) -> None:
    file, lines, rule = FAULTS[name]
    shutil.copytree(PACKAGE, tmp_path / "edgedigits", ignore=shutil.ignore_patterns("__pycache__"))
    path = tmp_path / "edgedigits" / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"{lines}\n{path.read_text(encoding='utf-8') if path.exists() else ''}", encoding="utf-8")
    assert rule(House(tmp_path / "edgedigits")) != []
