"""C files that were generated here: their contract, their layers and their tables, read without compiling anything."""

import hashlib
import re
from collections import Counter
from pathlib import Path

import numpy as np

from edgedigits.errors import ModelFileError, RecordError, UsageError
from edgedigits.export.c import UNSEALED
from edgedigits.export.c.canvas import CanvasNetwork
from edgedigits.export.c.tables import identifiers
from edgedigits.export.c.weights import from_blocks, read_back
from edgedigits.models.arithmetic import floats
from edgedigits.models.arithmetic.decision import Decision
from edgedigits.models.arithmetic.folding import Folded
from edgedigits.models.arithmetic.integers import IntegerNetwork, Table, read_plan
from edgedigits.models.arithmetic.steps import NAMES, Convolve, Dense, weighs
from edgedigits.records.artifact import Contract, TensorInfo
from edgedigits.runtime.readers import Description, parse_contract

FLOAT_PLAN = re.compile(r'^\{"scale": .*?^\]\}$', re.M | re.S)
FLOATS = re.compile(r"^static EDGEDIGITS_CONST float (\w+)\[\d+\] = \{([-\d,.ef+\s]*)\};", re.M)
PLAN = re.compile(r'^\{"unit": .*?^\]\}$', re.M | re.S)
TABLE = re.compile(r"^static EDGEDIGITS_CONST (u?int\d+)_t (\w+)\[\d+\] = \{([-\d,\s]*)\};", re.M)
DECISION = re.compile(r"^static const deciding decision = \{powers, (\d+), (\d+), (\d+)u\};$", re.M)
BLOCK = re.compile(r"^#define BLOCK (\d+)$", re.M)
CONTRACT = re.compile(r'^const char (\w+)_contract\[\] =\n((?:    ".*"\n?)+);', re.M)


def read_contract(path: Path, content: bytes) -> Contract:
    """The contract of a file that is as it was generated. Raises ModelFileError where it was edited."""
    text = _text(path, content)
    found = CONTRACT.search(text)
    if found is None:
        raise ModelFileError(f"{path}: not a valid C file of EdgeDigits (it has no contract).")
    pieces = re.findall(r'^    "(.*)"$', found[2], re.M)
    contract = parse_contract(path, re.sub(r"\\(.)", r"\1", "".join(pieces)))
    seal = contract.source_sha256
    if seal is None or hashlib.sha256(text.replace(seal, UNSEALED).encode()).hexdigest() != seal:
        raise ModelFileError(f"{path}: was edited: its text is not the one that its contract names. Export it anew.")
    return contract


def read_stem(content: bytes) -> str:
    """What the names in a file begin with, once its contract was read."""
    found = CONTRACT.search(content.decode("ascii"))
    assert found, "what has a contract has a name for it"
    return found[1]


def describe(path: Path, content: bytes) -> Description:
    """Its layers, by kind, and its tables. Raises ModelFileError."""
    contract = read_contract(path, content)
    if in_float(content):
        folded = read_folded(path, content)
        kinds, tables = [type(step) for step in folded.steps], folded.weights
        tables = {name: each.astype(np.float32) for name, each in tables.items()}
    else:
        network = read_network(path, content)
        kinds, tables = [type(each.step) for each in network.steps], dict(network.tables)
    return Description(
        contract=contract,
        operators=Counter(NAMES[kind] for kind in kinds),
        tensors=tuple(TensorInfo(name, str(table.dtype), table.shape, table.nbytes) for name, table in tables.items()),
    )


def in_float(content: bytes) -> bool:
    """Whether a file computes in float."""
    return FLOAT_PLAN.search(content.decode("ascii", "replace")) is not None


def read_folded(path: Path, content: bytes) -> Folded:
    """The network that a file in float computes. Raises ModelFileError."""
    text = _text(path, content)
    plan, block = FLOAT_PLAN.search(text), BLOCK.search(text)
    if plan is None or block is None:
        raise ModelFileError(f"{path}: not a valid C file of EdgeDigits (it does not say its layers).")
    try:
        tables = {name: np.array(re.findall(r"[^\s,]+(?=f)", numbers), float) for name, numbers in FLOATS.findall(text)}
        found = floats.of_plan(plan[0], {}).steps
        names = identifiers(step.name for step in found)
        weights = {
            f"{step.name}.{kind}": tables[f"{names[step.name]}_{kind}"]
            for step in found
            if weighs(step)
            for kind in ("weight", "bias")
        }
        for step in found:
            if isinstance(step, Convolve):
                key = f"{step.name}.weight"
                weights[key] = from_blocks(weights[key], step.weights_shape, step.groups, int(block[1]))
        return floats.of_plan(plan[0], weights)
    except (RecordError, KeyError, ValueError) as error:
        raise ModelFileError(f"{path}: no network in floats ({error}). Export it anew.") from error


def read_network(path: Path, content: bytes) -> IntegerNetwork:
    """The network that a file computes. Raises ModelFileError."""
    text = _text(path, content)
    plan, block = PLAN.search(text), BLOCK.search(text)
    if plan is None or block is None:
        raise ModelFileError(f"{path}: not a valid C file of EdgeDigits (it does not say its layers).")
    tables = {name: np.array(numbers.split(","), dtype=kind) for kind, name, numbers in TABLE.findall(text)}
    try:
        bare, _ = read_plan(plan[0])
        names = identifiers(each.step.name for each in bare)
        kinds = ("weight", "bias", "multiplier", "shift", "table")
        found: dict[str, Table] = {
            f"{layer}.{kind}": tables[f"{name}_{kind}"]
            for layer, name in names.items()
            for kind in kinds
            if f"{name}_{kind}" in tables
        }
        for each in bare:
            if isinstance(each.step, Convolve | Dense):
                key = f"{each.step.name}.weight"
                found[key] = read_back(bare, each.step, found[key], int(block[1]))
        return IntegerNetwork.of_plan(plan[0], found)
    except (RecordError, UsageError, KeyError, ValueError, OverflowError) as error:
        raise ModelFileError(f"{path}: no network in integers ({error}). Export it anew.") from error


def read_canvas_network(path: Path, content: bytes) -> CanvasNetwork:
    """What a canvas file computes. Raises ModelFileError."""
    found = DECISION.search(_text(path, content))
    if found is None:
        raise ModelFileError(f"{path}: not a valid canvas file of EdgeDigits (it does not say when to refuse).")
    try:
        return CanvasNetwork(read_network(path, content), Decision(*map(int, found.groups())))
    except UsageError as error:
        raise ModelFileError(f"{path}: no decision in integers ({error}). Export it anew.") from error


def _text(path: Path, content: bytes) -> str:
    try:
        return content.decode("ascii")
    except UnicodeDecodeError as error:
        raise ModelFileError(f"{path}: not a valid C file of EdgeDigits (it holds more than ASCII).") from error
