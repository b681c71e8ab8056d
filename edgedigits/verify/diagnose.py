"""Why a file that failed answers otherwise: the usual mistakes, each tried on the torch model.

If the torch model makes the same answers once it makes the same mistake, that is the cause. So is the setting of an
engine, where the difference is gone in another.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from edgedigits.models import metrics
from edgedigits.records.arrays import Images, Scores
from edgedigits.records.report import ParityReport
from edgedigits.runtime.engines import DEFAULT, EXACT
from edgedigits.verify import parity
from edgedigits.verify.candidates import Opened

if TYPE_CHECKING:
    from edgedigits.verify.torch_model import TorchModel

SAMPLE = 500  # images: enough to tell mistakes apart
EXPLAINED = 0.1  # of the mean difference may remain: int8 adds noise of its own
NORMALIZATIONS = {  # scale and offset of a pixel 0..255
    "pixels are fed as 0..255, not scaled to 0..1": (1.0, 0.0),
    "normalization is left out (mean 0, std 1)": (1 / 255, 0.0),
    "normalization uses mean 0.5, std 0.5": (2 / 255, -1.0),
    "normalization uses mean 0.1307, std 0.3081": (1 / (255 * 0.3081), -0.1307 / 0.3081),
}


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
    right = file.reference.torch.ask(images)
    unexplained = np.abs(scale(found) - scale(right)).mean()
    for cause, mistaken in _mistakes(file.reference.torch, images, right, found):
        if np.abs(scale(found) - scale(mistaken)).mean() < EXPLAINED * unexplained:
            return cause
    return None


def _mistakes(model: "TorchModel", images: Images, right: Scores, found: Scores) -> Iterator[tuple[str, Scores]]:
    """What the torch model answers when it makes each mistake."""
    order = [int(np.abs(right - column[:, None]).mean(axis=0).argmin()) for column in found.T]
    yield f"classes are permuted: its columns hold the classes {order}", right[:, order]
    yield "polarity is inverted: ink 0 on background 255", model.ask(255 - images)
    yield "images are transposed", model.ask(np.ascontiguousarray(images.transpose(0, 2, 1)))
    yield "its logits are probabilities: softmax is applied twice", metrics.softmax(right)
    for cause, (scale, offset) in NORMALIZATIONS.items():
        yield cause, model.ask_normalized(images, scale, offset)
