"""The usual mistakes with models of digits, one line each: what `adopt`, `verify` and `inspect --ask` call them.

A line begins with the mistake's name, and ends with what to do where `adopt` does not put it right. `noticing` finds
them in models that are asked, `verify.diagnose` in files that answer otherwise than their model, `safety` and the
readers in files that cannot be run.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

LINES: Mapping[str, str] = {
    "training mode": "still in training mode: dropout or batch norm changes answers from call to call; call eval()",
    "no normalization": "normalization missing: mean {mean:g} and std {std:g} are not in the file; apply them before",
    "two normalizations": "normalization doubled: mean {mean:g} and std {std:g} are applied twice; leave one out",
    "ink": "ink and paper swapped: it sees dark ink on light paper",
    "transposed": "transposed: rows and columns of the images are swapped",
    "channels last": "channels last: it takes images as [n, side, side, channels]",
    "bytes": "0..255 instead of 0..1: pixels are not divided by 255",
    "two divisions": "0..1 instead of 0..255: pixels are divided by 255 twice",
    "two softmaxes": "softmax twice: its probabilities are the softmax of probabilities; leave one out",
    "no softmax": "softmax missing: it gives no probabilities, whoever asks it makes them",
    "labels": "labels permuted: in the order of the labels, its columns are {columns}",
    "weights": "weights not loaded: {names} as torch initializes them; load them with strict=True",
    "batch": "batch size baked in: it takes {count} a call",
    "external data": "external data missing: it is not inside the file, as all tensors must be; save it as one file",
}
ENOUGH = 256  # values that tell whether a tensor is random: a trained one of so many leaves the bounds of its start
SURE = 5.0  # standard deviations by which the mean square may differ
MOST_NAMED = 3
Array = npt.NDArray[np.generic]


def line(mistake: str, **known: object) -> str:
    """A mistake of LINES in words, with what is known of it."""
    return LINES[mistake].format_map(known)


def count_words(count: int) -> str:
    """So many images."""
    return f"{count} image{'s' if count != 1 else ''}"


def columns_words(columns: Sequence[int]) -> str:
    """The columns of scores, in the order of their labels."""
    return ", ".join(map(str, columns))


def not_loaded(tensors: Mapping[str, Array]) -> Iterator[str]:
    """The line on tensors that are as torch initializes convolutions and dense layers; none where there are none.

    That is uniform within 1 / sqrt(values that make one output), which what was trained leaves (He et al. 2015,
    arXiv:1502.01852, with a = sqrt(5)).
    """
    names = [name for name, tensor in tensors.items() if is_initial(np.asarray(tensor))]
    if names:
        more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
        yield line("weights", names=", ".join(names[:MOST_NAMED]) + more + (" are" if len(names) > 1 else " is"))


def is_initial(tensor: Array) -> bool:
    """Whether a tensor `[out, in, ...]`, or a matrix `[in, out]`, is as torch initializes one."""
    if tensor.ndim < 2 or tensor.size < ENOUGH or tensor.dtype.kind != "f":
        return False
    values = np.abs(tensor.astype(np.float64))
    sources = {tensor[0].size, *(tensor.shape[:1] if tensor.ndim == 2 else ())}
    return any(_is_uniform(values, 1 / np.sqrt(count)) for count in sources)


def _is_uniform(values: npt.NDArray[np.float64], bound: float) -> bool:
    """Whether absolute values reach a bound, do not leave it, and have the mean square of a uniform distribution."""
    largest, count = values.max() / bound, values.size
    if not 1 - 20 / count <= largest <= 1 + 1e-4:
        return False
    return bool(abs(np.square(values / bound).mean() - 1 / 3) < SURE * np.sqrt(4 / 45 / count))
