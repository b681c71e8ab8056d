"""Why a file that failed answers otherwise: the usual mistakes, each tried on the torch model.

If the torch model makes the same answers once it makes the same mistake, that is the cause; of several that come near,
the nearest. So is the setting of an engine, where the difference is gone in another.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from edgedigits.models import metrics
from edgedigits.records.arrays import Images, Scores
from edgedigits.records.report import ParityReport
from edgedigits.runtime.engines import DEFAULT, EXACT
from edgedigits.runtime.mistakes import columns_words, line, not_loaded
from edgedigits.runtime.readers.onnx import stored_floats
from edgedigits.runtime.safety.trust import read_model
from edgedigits.verify import parity
from edgedigits.verify.candidates import Opened

if TYPE_CHECKING:
    from edgedigits.verify.torch_model import TorchModel

SAMPLE = 500  # images: enough to tell mistakes apart
EXPLAINED = 0.1  # of the mean difference may remain: int8 adds noise of its own
OTHERS = ((0.5, 0.5), (0.1307, 0.3081))  # mean and std of other published loops


def diagnose(file: Opened, report: ParityReport) -> str | None:
    """What explains how a file's logits differ from the torch model's: a setting or a mistake; None when nothing does.

    report   on the file, which says how it answers in other settings
    """
    return _setting(file, report) or _mistake(file)


def _setting(file: Opened, report: ParityReport) -> str | None:
    """That an engine is not called as it must be to compute exactly, where most of the difference is gone if it is."""
    exact = next((found for found in report.settings if found.setting == EXACT and not found.judged), None)
    if exact is None or exact.max_abs_diff is None or report.max_abs_diff is None:
        return None
    if exact.max_abs_diff >= EXPLAINED * report.max_abs_diff:
        return None
    asked = f"with {file.engine.setting(EXACT)}, {exact.flips} answers change and logits are off by"
    return f"{file.engine.name} {file.engine.setting(DEFAULT).about}; {asked} {exact.max_abs_diff:.2g}"


def _mistake(file: Opened) -> str | None:
    if file.reference.torch is None:
        return None
    scale = parity.SCALES[file.compared_as]
    found, _, images = file.predictor.answers(file.reference.test.images[:SAMPLE])
    again, _, _ = file.predictor.answers(file.reference.test.images[:SAMPLE])
    if not np.array_equal(found, again, equal_nan=True):
        return line("training mode")
    if random := next(_not_loaded(file), None):  # such answers are nearly uniform, as those of a second softmax are
        return random
    right = file.reference.torch.ask(images)
    unexplained = np.abs(scale(found) - scale(right)).mean()
    left = {
        cause: np.abs(scale(found) - scale(mistaken)).mean()
        for cause, mistaken in _mistakes(file.reference.torch, images, right, found)
    }
    cause = min(left, key=left.__getitem__)
    return cause if left[cause] < EXPLAINED * unexplained else None


def _mistakes(model: "TorchModel", images: Images, right: Scores, found: Scores) -> Iterator[tuple[str, Scores]]:
    """What the torch model answers when it makes each mistake."""
    order = [int(np.abs(right - column[:, None]).mean(axis=0).argmin()) for column in found.T]
    yield line("labels", columns=columns_words([int(column) for column in np.argsort(order)])), right[:, order]
    yield line("ink"), model.ask(255 - images)
    yield line("transposed"), model.ask(np.ascontiguousarray(images.transpose(0, 2, 1)))
    yield line("two softmaxes"), metrics.softmax(right)
    for cause, (scale, offset) in _normalizations(model):
        yield cause, model.ask_normalized(images, scale, offset)


def _normalizations(model: "TorchModel") -> Iterator[tuple[str, tuple[float, float]]]:
    """Mistakes in what becomes of a pixel 0..255: its scale and offset."""
    scale, offset = model.classifier.scale, model.classifier.offset
    std, mean = 1 / (255 * scale), -offset / (255 * scale)
    yield line("bytes"), (1.0, 0.0)
    yield line("two divisions"), (scale / 255, offset)
    if (mean, std) != (0.0, 1.0):
        yield line("no normalization", mean=mean, std=std), (1 / 255, 0.0)
        yield line("two normalizations", mean=mean, std=std), (scale / std, (offset - mean) / std)
    for other_mean, other_std in OTHERS:
        cause = f"normalization uses mean {other_mean}, std {other_std}"
        yield cause, (1 / (255 * other_std), -other_mean / other_std)


def _not_loaded(file: Opened) -> Iterator[str]:
    """The line on weights of an ONNX file as torch initializes them, where those of the torch model are not."""
    if file.format.container != "onnx" or file.reference.torch is None:
        return
    trained = {name: tensor.numpy() for name, tensor in file.reference.torch.classifier.state_dict().items()}
    if not list(not_loaded(trained)):
        yield from not_loaded(stored_floats(file.path, read_model(file.path)))
