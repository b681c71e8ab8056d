"""Files that are wrong on purpose, each with the reason for which `verify` must fail it.

`MISTAKES` are files that answer otherwise than their checkpoint, though their manifest is in order;
`DAMAGES` are files that are no longer what was exported; `GRAPHS` are ONNX files that break the
contract, `LIES` contracts that do not say what is true.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import onnx
import torch
from torch import Tensor, nn

from edgedigits.models.classifier import Classifier, Deployed
from edgedigits.records.artifact import Contract
from edgedigits.records.network import Input


class Answering(nn.Module):
    """A deployed model whose images, logits or probabilities are tampered with on their way."""

    def __init__(
        self,
        model: Deployed,
        images: Callable[[Tensor], Tensor] = lambda x: x,
        logits: Callable[[Tensor], Tensor] = lambda x: x,
        probabilities: Callable[[Tensor], Tensor] = lambda x: x,
    ) -> None:
        super().__init__()
        self.model = model
        self.images, self.logits, self.probabilities = images, logits, probabilities

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        logits = self.logits(self.model.classifier(self.images(image)))
        return logits, self.probabilities(torch.softmax(logits, dim=1))


@dataclass(frozen=True)
class Mistake:
    """How to spoil a model, and the beginning of the failure that must say so."""

    spoil: Callable[[Deployed], nn.Module]
    reason: str


def _perturb_one_weight(model: Deployed) -> nn.Module:
    """Change the largest weight of the last layer by 1%: no answer flips, and yet it must not pass."""
    weight = list(model.parameters())[-2].data
    weight.view(-1)[weight.abs().argmax()] *= 1.01
    return model


def _normalize_as(mean: float, std: float) -> Callable[[Deployed], nn.Module]:
    def spoil(model: Deployed) -> nn.Module:
        other = Classifier(cast(Classifier, model.classifier).network, Input(mean=mean, std=std))
        return Deployed(other)

    return spoil


def _swap_classes(model: Deployed) -> nn.Module:
    order = [0, 1, 2, 5, 4, 3, 6, 7, 8, 9]
    for parameter in list(model.parameters())[-2:]:  # the last layer's weight and bias
        parameter.data = parameter.data[order]
    return model


def _weights_in_bfloat16(model: Deployed) -> nn.Module:
    for parameter in model.parameters():
        parameter.data = parameter.data.bfloat16().float()
    return model


MISTAKES = {
    "class columns swapped": Mistake(_swap_classes, "cause: labels permuted"),
    "one weight changed by 1%": Mistake(_perturb_one_weight, "logits: off by"),
    "wrong mean and std": Mistake(_normalize_as(0.1307, 0.3081), "cause: normalization uses mean 0.1307"),
    "pixels not scaled": Mistake(_normalize_as(0, 1 / 255), "cause: 0..255 instead of 0..1"),
    "input transposed": Mistake(
        lambda model: Answering(model, images=lambda x: x.transpose(1, 2)), "cause: transposed"
    ),
    "polarity inverted": Mistake(
        lambda model: Answering(model, images=lambda x: 255 - x), "cause: ink and paper swapped"
    ),
    "softmax twice": Mistake(
        lambda model: Answering(model, logits=lambda x: torch.softmax(x, dim=1)), "cause: softmax twice"
    ),
    "probabilities unlike logits": Mistake(
        lambda model: Answering(model, probabilities=lambda x: x.sqrt()), "probabilities: off by"
    ),
    "weights in bfloat16": Mistake(_weights_in_bfloat16, "logits: off by"),
    "not a number": Mistake(lambda model: Answering(model, logits=lambda x: x * torch.nan), "logits: not finite"),
    "a class too few": Mistake(lambda model: Answering(model, logits=lambda x: x[:, :9]), "file: "),
}


@dataclass(frozen=True)
class Damage:
    """How to spoil the bytes of a file, whether its manifest is made to agree, and the reason to give."""

    spoil: Callable[[bytes], bytes]
    manifest_agrees: bool
    reason: str


def _flip_one_bit(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


DAMAGES = {
    "one bit flipped": Damage(_flip_one_bit, False, "changed since its manifest.json was written"),
    "truncated": Damage(lambda content: content[: len(content) // 2], True, "not a valid"),
    "empty": Damage(lambda _: b"", True, "not a valid"),
    "text": Damage(lambda _: b"hello", True, "not a valid"),
}


def _edited(edit: Callable[[onnx.ModelProto], object]) -> Callable[[bytes], bytes]:
    """Spoil the bytes of an ONNX file by an edit of its graph."""

    def spoil(content: bytes) -> bytes:
        model = onnx.load_model_from_string(content)
        edit(model)
        return bytes(model.SerializeToString())

    return spoil


def _rename_output(model: onnx.ModelProto) -> None:
    model.graph.output[0].name = model.graph.node[-2].output[0] = model.graph.node[-1].input[0] = "scores"


def _rename_input(model: onnx.ModelProto) -> None:
    model.graph.input[0].name = model.graph.node[0].input[0] = "picture"


def _fix_batch(model: onnx.ModelProto) -> None:
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = 1


def _ask_for_opset(version: int) -> Callable[[onnx.ModelProto], None]:
    def edit(model: onnx.ModelProto) -> None:
        model.opset_import[0].version = version

    return edit


def _break_contract(model: onnx.ModelProto) -> None:
    onnx.helper.set_model_props(model, {"edgedigits.contract": '{"version": 1}'})


def _use_foreign_operator(model: onnx.ModelProto) -> None:
    model.graph.node[-1].domain = "com.example"


GRAPHS = {
    "batch fixed at 1": Damage(_edited(_fix_batch), True, "its contract says"),
    "another output name": Damage(_edited(_rename_output), True, "its contract says"),
    "another input name": Damage(_edited(_rename_input), True, "its contract says"),
    "no contract": Damage(_edited(lambda model: model.ClearField("metadata_props")), True, "carries no contract"),
    "damaged contract": Damage(_edited(_break_contract), True, "its contract is damaged"),
    "operator outside the standard": Damage(_edited(_use_foreign_operator), True, "not a valid ONNX model"),
    "opset that the runtime refuses": Damage(_edited(_ask_for_opset(99)), True, "Opset 99 is under development"),
}
LIES: dict[str, tuple[Callable[[Contract], dict[str, object]], str]] = {
    "labels permuted": (lambda contract: {"labels": contract.labels[::-1]}, "contract: its labels"),
    "better accuracy claimed": (lambda _: {"test_accuracy": 0.9999}, "contract: its test_accuracy"),
    "another checkpoint": (lambda _: {"checkpoint_sha256": "0" * 64}, "checkpoint: its checkpoint 000000000000"),
}
