"""A C file that reads a canvas: the framing in integers, the network, and the decision whether there is a digit."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgedigits.data.framing import FIELD, FRAME, find_by_border, frame
from edgedigits.export.c.source import About, Face, print_behind
from edgedigits.export.c.tables import table
from edgedigits.models.arithmetic.decision import NONE, POWERS, Decision
from edgedigits.models.arithmetic.integers import IntegerNetwork
from edgedigits.records.arrays import Images

FRAMING_SCRATCH = 4 * FIELD * FIELD  # bytes: a sum a cell
Answers = npt.NDArray[np.void]  # [n], of `answer_type`


def answer_type(classes: int) -> np.dtype[np.void]:
    """What `<stem>_answer` is in memory, where the lowest byte comes first."""
    return np.dtype([("label", "<i4"), ("scores", "<i4", (classes,)), ("seen", "u1", (FRAME, FRAME))])


@dataclass(frozen=True)
class CanvasNetwork:
    """A network behind the framing: the reference that every engine must equal in each integer.

    decision   whether its largest score is an answer
    """

    network: IntegerNetwork
    decision: Decision

    @property
    def scratch(self) -> int:
        """Bytes of scratch that it needs: framing and network, one after the other."""
        return max(FRAMING_SCRATCH, self.network.scratch)

    def answers(self, canvases: Sequence[Images]) -> Answers:
        """What `<stem>_read` answers to canvases uint8 `[height, width]`: label, scores and what was seen of each."""
        found = np.zeros(len(canvases), answer_type(self.network.classes))
        for number, canvas in enumerate(canvases):
            found["seen"][number] = frame(canvas, find_by_border)
        found["scores"] = self.network.scores(found["seen"])
        has_ink = found["seen"].any(axis=(1, 2))
        found["label"] = np.where(has_ink, self.decision.labels(found["scores"]), NONE)
        return found


def print_canvas(found: CanvasNetwork, about: About) -> str:
    """The text of a canvas file."""
    stem, big = about.stem, about.stem.upper()
    named = f"int32_t {stem}_read("
    read = f"""\
{named}const uint8_t *canvas, int32_t height, int32_t width, int32_t stride,
{" " * len(named)}{stem}_answer *answer, void *scratch)"""
    numbers = (found.decision.multiplier, found.decision.shift, f"{found.decision.limit}u")
    face = Face(
        usage=f"""\
 *     {stem}_answer answer;
 *     {stem}_read(canvas, height, width, stride, &answer, scratch);         gives its label, too
 *
 * canvas   height x width bytes, 8 to 2048 each, one digit anywhere; light on dark, or dark on light
 * stride   bytes from a row to the next, at least the width, at most 2^20; below 0 where the first row lies last
 * label    of the digit, an index; -1 where there is none, or no such canvas
 * seen     28 x 28 bytes: what the network was shown of it""",
        scratch=found.scratch,
        declared=f"""\
typedef struct {{
    int32_t label;
    int32_t scores[{big}_CLASSES];
    uint8_t seen[{FRAME * FRAME}];
}} {stem}_answer;

{read};""",
        parts=("paper", "cells", "frame", "decide"),
        constants=table("powers", POWERS)
        + f"static const deciding decision = {{powers, {', '.join(map(str, numbers))}}};\n",
        head="static void score(const uint8_t *image, int32_t *scores, void *scratch)",
        tail=f"""\
{read}
{{
    sheet asked = {{canvas, height, width, stride, 0}};
    const int32_t has_ink = frame(&asked, answer->seen, (uint32_t *)scratch);
    score(answer->seen, answer->scores, scratch);
    answer->label = has_ink ? decide(&decision, answer->scores, {big}_CLASSES) : -1;
    return answer->label;
}}
""",
    )
    return print_behind(face, found.network, about)
