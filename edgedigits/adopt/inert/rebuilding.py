"""Functions that pickles of weights call, whose results are known without calling them.

Torch writes a tensor as a call of `torch._utils._rebuild_tensor_v2` with a storage, an offset, a shape and strides;
numpy writes an array's memory as the state of an empty one. Each function here takes what a pickle passes and returns
the plain value; nothing else that a pickle names is looked up anywhere.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from edgedigits.adopt.inert.tensors import ELEMENTS, Element, Scale, Storage, Tensor, contiguous, shown
from edgedigits.adopt.inert.values import Budget, Instance, Key, Name
from edgedigits.runtime.safety import Refused

ARRAY = "numpy.ndarray"
NESTED = ("torch.storage._load_from_bytes",)  # their argument is a file of torch's inside the file
STORAGES = {  # torch's storage classes: the element type of each
    "DoubleStorage": "float64",
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
    "QInt8Storage": "qint8",
    "QUInt8Storage": "quint8",
    "QInt32Storage": "qint32",
    "ComplexFloatStorage": "complex64",
    "ComplexDoubleStorage": "complex128",
    "UntypedStorage": "uint8",
}
NUMPY_KINDS = {"f": "float", "i": "int", "u": "uint", "b": "bool"}  # of a dtype's short name: f4 is float32


def storage_element(kind: Any) -> Element:
    """The element type of a storage class. Raises Refused."""
    if not isinstance(kind, Name) or not kind.path.startswith("torch.") or kind.last not in STORAGES:
        raise Refused(f"a storage of an unknown type ({_said(kind)})")
    return ELEMENTS[STORAGES[kind.last]]


def as_bytes(value: Any) -> bytes:
    """Bytes, where they are. Raises TypeError."""
    if not isinstance(value, bytes | bytearray):
        raise TypeError(f"bytes wanted, {type(value).__name__} found")
    return bytes(value)


def _tensor(
    _: Budget, storage: Any, offset: Any, shape: Any, strides: Any, *__: Any, element: Element | None = None
) -> Tensor:
    """`_rebuild_tensor`, and `_rebuild_tensor_v2`, which says gradients and hooks too."""
    if not isinstance(storage, Storage):
        raise TypeError("a tensor without a storage")
    return Tensor(storage, element or storage.element, _whole(offset), _sides(shape), _sides(strides))


def _typed_tensor(budget: Budget, storage: Any, offset: Any, shape: Any, strides: Any, *rest: Any) -> Tensor:
    """`_rebuild_tensor_v3`: the same with an element type that no storage class has."""
    kind = rest[2]
    element = ELEMENTS.get(kind.last) if isinstance(kind, Name) else None
    if element is None:
        raise Refused(f"a tensor of an unknown type ({_said(kind)})")
    return _tensor(budget, storage, offset, shape, strides, element=element)


def _quantized(budget: Budget, storage: Any, offset: Any, shape: Any, strides: Any, how: Any, *_: Any) -> Tensor:
    """`_rebuild_qtensor`: whole numbers, and how they become real."""
    plain = _tensor(budget, storage, offset, shape, strides)
    scheme, factor, zero, *axis = how
    if not isinstance(scheme, Name) or scheme.last not in ("per_tensor_affine", "per_channel_affine"):
        raise Refused(f"a tensor quantized by {_said(scheme)}")
    parts_fit = all(isinstance(part, Tensor | float | int) for part in (factor, zero))
    if not parts_fit:
        raise TypeError("scales of a quantized tensor are no numbers")
    scale = Scale(factor, zero, _whole(axis[0]) if axis else 0)
    return Tensor(plain.storage, plain.element, plain.offset, plain.shape, plain.strides, scale)


def _first(_: Budget, value: Any = None, *__: Any) -> Any:
    """A parameter is its tensor, and what TorchScript tags is what is tagged."""
    return value


def _subclass(budget: Budget, made: Any, _: Any, arguments: Any, *__: Any) -> Any:
    """`_rebuild_from_type_v2`: a tensor of a class of its own is a tensor."""
    known = TENSORS.get(made.path) if isinstance(made, Name) else None
    if known is None:
        raise Refused("a tensor of an unknown make")
    return known(budget, *arguments)


def _ordered(budget: Budget, pairs: Any = (), *_: Any) -> dict[Any, Any]:
    """`OrderedDict`, of pairs where Python 2 wrote it."""
    budget.spend(len(pairs))
    if any(not isinstance(key, str) for key, _ in pairs):
        return {Key(key): value for key, value in pairs}
    return dict(pairs)


def _default(_: Budget, *__: Any) -> dict[Any, Any]:
    """`defaultdict`: what it makes of missing keys is of no interest."""
    return {}


def _listed(budget: Budget, values: Any = (), *_: Any) -> list[Any]:
    """`set`, `frozenset` and `list`."""
    budget.spend(len(values))
    return list(values)


def _size(budget: Budget, values: Any = (), *_: Any) -> tuple[Any, ...]:
    """`torch.Size`, and `tuple`."""
    budget.spend(len(values))
    return tuple(values)


def _encoded(budget: Budget, text: Any, *_: Any) -> bytes:
    """`_codecs.encode(text, "latin1")`: how Python 3 writes bytes for Python 2."""
    budget.spend(len(text))
    return bytes(text.encode("latin-1"))


def _made(_: Budget, made: Any, *arguments: Any) -> Instance:
    """An empty object of a class, as `copyreg` makes it."""
    if not isinstance(made, Name):
        raise TypeError("an object without a class")
    return Instance(made.path, arguments)


def _scalar(_: Budget, dtype: Any, stored: Any = b"", *__: Any) -> Any:
    """A number of numpy; an Instance stands for what is none: text, a date."""
    element, big = numpy_element(dtype)
    if element is None:
        return Instance("numpy.generic")
    content = stored.encode("latin-1") if isinstance(stored, str) else as_bytes(stored)
    if len(content) != element.size:
        raise ValueError(f"a scalar of {len(content)} bytes")
    order = ">" if big and element.size > 1 else ""
    return np.frombuffer(content, f"{order}{element.code}")[0].item()


def _empty_array(_: Budget, *__: Any) -> Instance:
    """`_reconstruct`: an array that its state fills (`array_tensor`)."""
    return Instance(ARRAY)


def _buffered(_: Budget, content: Any, dtype: Any, shape: Any, order: Any = "C", *__: Any) -> Instance:
    """`_frombuffer`: the same from protocol 5 on."""
    return Instance(ARRAY, state=(1, shape, dtype, order == "F", content))


def array_tensor(instance: Instance) -> Tensor | None:
    """The array that an Instance stands for, as a tensor; None where it stands for something else, or holds no numbers.

    Raises Refused where its memory is too short, and ValueError and TypeError where its state is none.
    """
    if instance.class_name != ARRAY or not isinstance(instance.state, tuple):
        return None
    _, shape, dtype, fortran, content = instance.state
    element, big = numpy_element(dtype)
    if element is None or not isinstance(content, bytes | bytearray | str):
        return None  # text, or a list of objects
    sides = _sides(shape)
    storage = Storage(element, "numpy", math.prod(sides), big=big)
    storage.fill(content.encode("latin-1") if isinstance(content, str) else bytes(content))
    plain = contiguous(storage, element, tuple(reversed(sides)) if fortran else sides)
    strides = tuple(reversed(plain.strides)) if fortran else plain.strides
    return Tensor(storage, element, 0, sides, strides)


def numpy_element(dtype: Any) -> tuple[Element | None, bool]:
    """The element type of a numpy.dtype, and whether the big end comes first; None where it is no type of numbers."""
    if not isinstance(dtype, Instance) or dtype.class_name != "numpy.dtype" or not dtype.arguments:
        raise TypeError("an array without a type")
    short = str(dtype.arguments[0])
    kind, size = NUMPY_KINDS.get(short[:1], "?"), short[1:]
    bits = str(8 * int(size)) if size.isdecimal() and len(size) == 1 and kind != "bool" else ""
    state = dtype.state
    return ELEMENTS.get(f"{kind}{bits}"), isinstance(state, tuple) and len(state) > 1 and state[1] == ">"


def _said(kind: Any) -> str:
    return shown(kind.path) if isinstance(kind, Name) else type(kind).__name__


def _whole(value: Any) -> int:
    if not isinstance(value, int):
        raise TypeError(f"a whole number wanted, {type(value).__name__} found")
    return value


def _sides(shape: Any) -> tuple[int, ...]:
    if not isinstance(shape, tuple | list):
        raise TypeError(f"a shape wanted, {type(shape).__name__} found")
    return tuple(_whole(side) for side in shape)


Known = Callable[..., Any]
TENSORS: dict[str, Known] = {
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _typed_tensor,
    "torch._utils._rebuild_qtensor": _quantized,
    "torch._utils._rebuild_parameter": _first,
    "torch._utils._rebuild_parameter_with_state": _first,
    "torch.nn.parameter.Parameter": _first,
    "torch.autograd.variable.Variable": _first,
}
KNOWN: dict[str, Known] = {
    **TENSORS,
    "torch.tensor._rebuild_from_type": _subclass,
    "torch._tensor._rebuild_from_type_v2": _subclass,
    "torch.Size": _size,
    "torch.jit._pickle.build_intlist": _first,
    "torch.jit._pickle.build_doublelist": _first,
    "torch.jit._pickle.build_boollist": _first,
    "torch.jit._pickle.build_tensorlist": _first,
    "torch.jit._pickle.restore_type_tag": _first,
    "collections.OrderedDict": _ordered,
    "collections.defaultdict": _default,
    "builtins.set": _listed,
    "builtins.frozenset": _listed,
    "builtins.list": _listed,
    "builtins.tuple": _size,
    "__builtin__.set": _listed,
    "__builtin__.frozenset": _listed,
    "copyreg._reconstructor": _made,
    "copy_reg._reconstructor": _made,
    "copyreg.__newobj__": _made,
    "_codecs.encode": _encoded,
    "numpy.core.multiarray.scalar": _scalar,
    "numpy._core.multiarray.scalar": _scalar,
    "numpy.core.multiarray._reconstruct": _empty_array,
    "numpy._core.multiarray._reconstruct": _empty_array,
    "numpy.core.numeric._frombuffer": _buffered,
    "numpy._core.numeric._frombuffer": _buffered,
}
