"""A class taken out of somebody's source, with what it names, and nothing else of the file.

Every tenth such file trains, downloads or opens a window when it is imported, so it is not: `ast` finds the class (or
the function that returns a module), the imports, constants, classes and functions that it names, and these alone are
compiled, on the lines where they stand. A base class of Lightning is `nn.Module` here.
"""

import ast
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import CodeType

from edgedigits.errors import BadInput, UsageError, first_line, unknown
from edgedigits.records.record import MOST_BYTES
from edgedigits.system import files

NOTEBOOK = ".ipynb"
LIGHTNING = "LightningModule"
STANDS_FOR_LIGHTNING = """
import torch as _torch
class _Lightning(_torch.nn.Module):
    def save_hyperparameters(self, *_, **__): pass
    def log(self, *_, **__): pass
"""
Definition = ast.ClassDef | ast.FunctionDef


def extract(path: Path, name: str) -> CodeType:
    """What defines a class or function of a .py or .ipynb file, to be executed; it is called `name` then.

    Raises BadInput where the file cannot be read or is no Python, UsageError where it has nothing of that name.
    """
    tree = _parsed(path)
    found = _find(tree, path, name)
    providers = _providers([*tree.body, *_around(tree, found)])
    kept = _needed(found, providers)
    body = [node for node in dict.fromkeys([*providers.values(), found]) if node in kept or node is found]
    body.sort(key=lambda node: node.lineno)
    for node in body:
        _without_lightning(node)
    module = ast.Module([*ast.parse(STANDS_FOR_LIGHTNING).body, *body], type_ignores=[])
    try:
        return compile(ast.fix_missing_locations(module), str(path), "exec")
    except SyntaxError as error:  # what the grammar allows, and yet is nothing: a return outside of a function
        raise _no_python(path, error) from error


def _parsed(path: Path) -> ast.Module:
    try:
        text = files.read_bytes(path, MOST_BYTES).decode()
        return ast.parse(_cells(text) if path.suffix == NOTEBOOK else text)
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror}).") from error
    except SyntaxError as error:
        raise _no_python(path, error) from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadInput(f"{path}: neither Python nor a notebook ({first_line(error)}).") from error


def _no_python(path: Path, error: SyntaxError) -> BadInput:
    return BadInput(f"{path}:{error.lineno}: no Python ({error.msg}).")


def _cells(text: str) -> str:
    """The code of a notebook, without what is meant for its shell."""
    lines = [
        line
        for cell in json.loads(text)["cells"]
        if cell["cell_type"] == "code"
        for line in ("".join(cell["source"]) + "\n").splitlines()
    ]
    return "\n".join("" if line.lstrip().startswith(("%", "!")) else line for line in lines)


def _find(tree: ast.Module, path: Path, name: str) -> Definition:
    """The last definition of that name, also inside a function, but no method."""
    methods = {inner for node in ast.walk(tree) if isinstance(node, ast.ClassDef) for inner in node.body}
    everything = (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef | ast.FunctionDef))
    definitions = [node for node in everything if node not in methods]
    named = [node for node in definitions if node.name == name]
    if not named:
        raise unknown(f"class or function in {path}", name, dict.fromkeys(node.name for node in definitions))
    return named[-1]


def _around(tree: ast.Module, found: Definition) -> list[ast.stmt]:
    """What stands beside a definition inside a function."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and found in node.body]
    return [statement for function in functions for statement in function.body]


def _providers(statements: Iterable[ast.stmt]) -> Mapping[str, ast.stmt]:
    """The statement that defines each name, the last where several do."""
    return {name: statement for statement in statements for name in _defined(statement)}


def _defined(statement: ast.stmt) -> Iterator[str]:
    if isinstance(statement, ast.ClassDef | ast.FunctionDef):
        yield statement.name
    elif isinstance(statement, ast.Import | ast.ImportFrom):
        yield from (alias.asname or alias.name.partition(".")[0] for alias in statement.names)
    elif isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is not None:
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        yield from (node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name))
    elif isinstance(statement, ast.Try):  # try: import this; except ImportError: import that
        yield from (name for inner in statement.body for name in _defined(inner))


def _needed(found: Definition, providers: Mapping[str, ast.stmt]) -> set[ast.stmt]:
    """The statements that a definition names, and those that these name."""
    kept: set[ast.stmt] = set()
    waiting: list[ast.stmt] = [found]
    while waiting:
        for name in _names(waiting.pop()):
            provider = providers.get(name)
            if provider is not None and provider is not found and provider not in kept:
                kept.add(provider)
                waiting.append(provider)
    return kept


def _names(node: ast.stmt) -> Iterator[str]:
    """Names that a statement reads, but for bases of Lightning."""
    lightning = {base for inner in ast.walk(node) if isinstance(inner, ast.ClassDef) for base in _lightning(inner)}
    inside = {name for base in lightning for name in ast.walk(base)}
    yield from (inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name) and inner not in inside)


def _lightning(node: ast.ClassDef) -> list[ast.expr]:
    return [base for base in node.bases if ast.unparse(base).rpartition(".")[2] == LIGHTNING]


def _without_lightning(statement: ast.stmt) -> None:
    """Put another base in place of Lightning's."""
    for node in ast.walk(statement):
        if isinstance(node, ast.ClassDef):
            replaced = _lightning(node)
            node.bases = [ast.Name("_Lightning", ast.Load()) if base in replaced else base for base in node.bases]


def parse_place(net: str) -> tuple[Path, str]:
    """The file and the name of "net.py:Net". Raises UsageError."""
    file, _, name = net.rpartition(":")
    if not (file and name.isidentifier()):
        raise UsageError(f"net: FILE.py:NAME wanted, {net!r} given")
    return Path(file), name
