"""The reader of other people's files: what it says of hostile, damaged and foreign ones, in one line and at once."""

import io
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from edgedigits.adopt import inert
from edgedigits.adopt.inert import code
from edgedigits.adopt.inert.values import Instance, Key, Name
from edgedigits.adopt.weights import read_weights
from edgedigits.errors import CheckpointError
from edgedigits.runtime.safety import Refused
from tests.adopt.networks import small
from tests.adopt.saving import WAYS
from tests.helpers import pickles
from tests.helpers.pickles import BOMBS, FOREIGN, FOREIGN_ENTRIES

PATH = Path("theirs.pt")
SECONDS = 10  # that a refusal may take, on a busy machine


def refusal(content: bytes, folder: Path) -> str:
    path = folder / "theirs.pt"
    path.write_bytes(content)
    start = time.process_time()
    with pytest.raises(CheckpointError) as caught:
        read_weights(path)
    assert time.process_time() - start < SECONDS
    said = str(caught.value)
    assert said.startswith(f"{path}: ")
    assert "\n" not in said
    assert len(said) < len(str(path)) + 400
    return said


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_in_a_line(name: str, tmp_path: Path) -> None:
    assert BOMBS[name].reason in refusal(BOMBS[name].make(), tmp_path)


@pytest.mark.parametrize("name", FOREIGN)
def test_files_of_others_are_named(name: str, tmp_path: Path) -> None:
    content, words = FOREIGN[name]
    assert words in refusal(content, tmp_path)


@pytest.mark.parametrize("name", FOREIGN_ENTRIES)
def test_archives_of_others_are_named(name: str, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as target:
        target.writestr(name, b"x")
    assert FOREIGN_ENTRIES[name] in refusal(buffer.getvalue(), tmp_path)


@pytest.mark.parametrize("way", ["state dict", "whole module, legacy", "pickle 4", "script", "safetensors"])
def test_a_file_that_is_cut_off_anywhere_is_refused(way: str, tmp_path: Path) -> None:
    WAYS[way](small(), tmp_path / "whole")
    content = (tmp_path / "whole").read_bytes()
    places = {*range(0, len(content), max(1, len(content) // 40)), len(content) - 1}
    for place in sorted(places):
        refusal(content[:place], tmp_path)


def test_names_of_a_file_are_said_in_plain_letters(tmp_path: Path) -> None:
    body = pickles.DICT + pickles.text("\ud800\n\x1b[31m") + pickles.tensor(pickles.storage(4), (9, 9), (9, 1)) + b"s"
    said = refusal(pickles.archive(body, _0=bytes(16)), tmp_path)
    assert said.isascii()
    assert "\x1b" not in said


def root(body: bytes) -> object:
    return inert.read(PATH, pickles.pickled(body)).root


def test_every_call_that_is_not_known_stands_for_itself() -> None:
    called = root(pickles.name("os.system") + pickles.text("true") + b"\x85R")
    assert isinstance(called, Instance)
    assert (called.class_name, called.arguments) == ("os.system", ("true",))
    twice = root(pickles.name("os.system") + b")R" + b")R")  # what a call returns is called
    assert isinstance(twice, Instance)
    assert isinstance(twice.arguments[0], Instance)
    assert root(pickles.name("builtins.eval")) == Name("builtins.eval")


def test_objects_keep_state_and_what_was_put_into_them() -> None:
    made = pickles.name("a.B") + b")\x81" + pickles.DICT + pickles.text("x") + pickles.NUMBER + b"sb"
    found = root(made + pickles.text("k") + pickles.NUMBER + b"s")
    assert isinstance(found, Instance)
    assert (found.class_name, found.attributes, found.items) == ("a.B", {"x": 1}, [("k", 1)])


def test_keys_that_are_no_names_are_kept_apart() -> None:
    found = root(pickles.DICT + b")" + pickles.NUMBER + b"s" + b")" + pickles.NUMBER + b"s")
    assert isinstance(found, dict)
    assert [key.value for key in found if isinstance(key, Key)] == [(), ()]


def test_numbers_with_the_big_end_first(tmp_path: Path) -> None:
    torch.save({"w": torch.arange(6.0).reshape(2, 3)}, tmp_path / "little.pt")
    with zipfile.ZipFile(tmp_path / "little.pt") as source, zipfile.ZipFile(tmp_path / "big.pt", "w") as target:
        for entry in source.namelist():
            content = source.read(entry)
            if entry.endswith("data/0"):
                content = b"".join(content[place : place + 4][::-1] for place in range(0, 24, 4))
            target.writestr(entry, b"big" if entry.endswith("byteorder") else content)
    assert read_weights(tmp_path / "big.pt").tensors["w"].tolist() == [[0, 1, 2], [3, 4, 5]]


def called(path: str, *arguments: bytes) -> bytes:
    return pickles.name(path) + pickles.MARK + b"".join(arguments) + pickles.TUPLE + b"R"


PLAIN = pickles.tensor(pickles.storage(4), (2, 2), (2, 1))
OTHER_MAKES = {  # tensors as other versions of torch, and other devices, write them
    "CUDA": pickles.tensor(pickles.storage(4, "torch.cuda.FloatStorage"), (2, 2), (2, 1)),
    "torch 0.3": called(
        "torch._utils._rebuild_tensor",
        pickles.storage(4),
        pickles.whole(0),
        pickles.numbers(2, 2),
        pickles.numbers(2, 1),
    ),
    "a parameter of torch 0.3": called("torch.nn.parameter.Parameter", PLAIN, b"\x88"),
    "a parameter": called("torch._utils._rebuild_parameter", PLAIN, b"\x88", pickles.DICT),
    "a class of its own": called(
        "torch._tensor._rebuild_from_type_v2",
        pickles.name("torch._utils._rebuild_tensor_v2"),
        pickles.name("a.Own"),
        pickles.MARK
        + pickles.storage(4)
        + pickles.whole(0)
        + pickles.numbers(2, 2)
        + pickles.numbers(2, 1)
        + b"\x89}"
        + pickles.TUPLE,
        pickles.DICT,
    ),
    "memory without a type": called(
        "torch._utils._rebuild_tensor_v3",
        pickles.storage(16, "torch.storage.UntypedStorage"),
        pickles.whole(0),
        pickles.numbers(2, 2),
        pickles.numbers(2, 1),
        b"\x89",
        pickles.DICT,
        pickles.name("torch.float32"),
    ),
}


@pytest.mark.parametrize("make", OTHER_MAKES)
def test_tensors_of_other_makes_are_read(make: str, tmp_path: Path) -> None:
    content = np.arange(4, dtype="<f4").tobytes()
    (tmp_path / "old.pt").write_bytes(pickles.archive(pickles.state(OTHER_MAKES[make]), _0=content))
    assert read_weights(tmp_path / "old.pt").tensors["w"].tolist() == [[0, 1], [2, 3]]


CODE = """class Net(Module):
  __parameters__ = ["weight", ]
  stride : Final[Tuple[int, int]] = (2, 2)
  mode : Final[str] = "zeros"
  def helper(self) -> Tensor:
    return torch.relu(self)
  def forward(self: __torch__.net.Net,
    x: Tensor) -> Tensor:
    _0 = __torch__.torch.nn.functional.log_softmax
    _1 = (pool).forward(torch.tanh((conv).forward(x, ), ), )
    return _0(torch.view(_1, [torch.size(_1, 0), -1]), 1, "a(b", )
class Other(Module):
  def forward(self: __torch__.net.Other) -> Tensor:
    return torch.sigmoid(x)
"""


def test_the_code_of_torchscript_says_constants_and_calls() -> None:
    found = code.read(CODE)
    assert found["Net"].settings == {"stride": (2, 2), "mode": "zeros"}
    assert [call.target for call in found["Net"].calls] == [
        "(conv).forward",
        "torch.tanh",
        "(pool).forward",
        "torch.size",
        "torch.view",
        "__torch__.torch.nn.functional.log_softmax",
    ]
    assert found["Net"].calls[4].arguments == ("_1", "[torch.size(_1, 0), -1]")
    assert [call.target for call in found["Other"].calls] == ["torch.sigmoid"]


LONG = {  # code that no classifier has, and whether it is refused; the rest calls nothing
    "nested": ("torch.relu(" * 50_000, True),
    "many": ("torch.relu()" * 50_000, True),
    "brackets": ("(" * 900_000, True),
    "dots": ("torch." * 150_000, False),
    "quotes": ('"' + "\\" * 900_000, False),
    "digits": ("_" + "0" * 900_000, False),
}


@pytest.mark.parametrize("name", LONG)
def test_code_that_torch_does_not_write_takes_no_time(name: str) -> None:
    body, refused = LONG[name]
    text = f"class A(Module):\n  def forward(self) -> Tensor:\n    {body}"
    start = time.process_time()
    if refused:
        with pytest.raises(Refused, match="than torch writes"):
            code.read(text)
    else:
        assert code.read(text)["A"].calls == ()
    assert time.process_time() - start < SECONDS
