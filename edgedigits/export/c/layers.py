"""What each step of an integer network is in C: its tables, its constants, its call, and the C files that it needs."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from edgedigits.export.c.tables import table
from edgedigits.export.c.weights import WHOLE, are_packed, bits_of, is_depthwise, laid_out, packed_groups
from edgedigits.models.arithmetic import steps
from edgedigits.models.arithmetic.integers import Counted, IntegerNetwork

Numbers = tuple[int, ...]


@dataclass(frozen=True)
class Printed:
    """A step in C.

    parts       names of the files in `integers/`, in the order in which they are needed
    constants   its tables, and a record of its sizes
    calls       what the network does with it, a statement a line
    """

    parts: tuple[str, ...]
    constants: str
    calls: tuple[str, ...]


@dataclass(frozen=True)
class Printer:
    """Prints the steps of a network.

    names   of each layer in C
    """

    network: IntegerNetwork
    names: Mapping[str, str]

    def printed(self, number: int) -> Printed:
        """The step of that number, from 0."""
        each = self.network.steps[number]
        step, name = each.step, self.names[each.step.name]
        reads, result = [self._place(read) for read in step.reads], self._result(number + 1)
        match step:
            case steps.Dense() | steps.Convolve() if self._packs:
                return self._packed(each, step, name, f"multiply_packed(&{name}, {reads[0]}, {result});")
            case steps.Dense():
                return self._dense(each, step, name, f"dense(&{name}, {reads[0]}, {result});")
            case steps.Convolve():
                return self._convolve(each, step, name, f"(&{name}, {reads[0]}, {result});")
            case steps.MaxPool():
                sizes = lines(step.seen, step.plane[:2], step.kernel, (*step.stride, *step.padding, *step.dilation))
                constants = constant(f"max_pooling {name}", sizes)
                return Printed(
                    ("max_pool",), constants, (f"max_pool(&{name}, {reads[0]}, {self._place(number + 1)});",)
                )
            case steps.Average():
                return self._average(each, step, name, f"average(&{name}, {reads[0]}, {result});")
            case steps.Lookup():
                values = self.network.table(step, "table")
                call = f"lookup({name}_table, {step.size}, {len(values)}, {reads[0]}, {self._place(number + 1)});"
                return Printed(("lookup",), table(f"{name}_table", values), (call,))
            case steps.Add():
                return self._add(each, name, reads, result)
            case steps.Multiply():
                return self._multiply(each, step, name, f"multiply(&{name}, {', '.join(reads)}, {result});")
            case steps.Concat():
                return self._concat(each, step, name, reads, self._place(number + 1))
            case steps.Pad():
                sizes = lines(step.seen, (*step.plane[:2], *step.corner), (each.zero,))
                constants = constant(f"padding {name}", sizes)
                return Printed(("pad",), constants, (f"pad(&{name}, {reads[0]}, {self._place(number + 1)});",))
        raise TypeError(f"{type(step).__name__} is no kind of step")

    def _place(self, value: int) -> str:
        """Where a value lies, as an expression."""
        return "image" if value == 0 else f"values + {self.network.offsets[value - 1]}"

    def _result(self, value: int) -> str:
        """Where a step puts its values, and where its scores, which the last one has instead."""
        return "values, scores" if value == len(self.network.steps) else f"{self._place(value)}, 0"

    def _tables(self, each: Counted, name: str, *kinds: str) -> str:
        """Tables of a step."""
        return "".join(table(f"{name}_{kind}", self.network.table(each.step, kind)) for kind in kinds)

    def _scaling(self, each: Counted, name: str) -> tuple[str, str]:
        """The tables of what becomes of a step's sums, and the record of them."""
        kinds = ("bias", "multiplier", "shift")
        pointers = ", ".join(f"{name}_{kind}" for kind in kinds)
        return self._tables(each, name, *kinds), f"    {{{pointers}, {each.zero}, {each.low}, {each.high}}}"

    def _weights(self, step: steps.Dense | steps.Convolve, name: str) -> str:
        """The table of its weights."""
        return table(f"{name}_weight", laid_out(self.network.steps, step, self.network.table(step, "weight")))

    def _dense(self, each: Counted, step: steps.Dense, name: str, call: str) -> Printed:
        tables, scaling = self._scaling(each, name)
        sizes = lines(step.weights_shape + each.zeros)
        record = constant(f"dense_layer {name}", sizes, f"    {name}_weight", scaling)
        return Printed(("sums", "wide", "rows", "dense"), self._weights(step, name) + tables + record, (call,))

    def _convolve(self, each: Counted, step: steps.Convolve, name: str, call: str) -> Printed:
        tables, scaling = self._scaling(each, name)
        simple = step.groups == 1 and step.dilation == (1, 1)
        apart: list[Numbers] = [] if simple else [(*step.dilation, step.groups)]
        sizes = lines(
            step.seen, step.plane, step.kernel, (*step.stride, *step.padding), *apart, step.window, each.zeros
        )
        kind, function = ("convolution", "convolve") if simple else ("grouped_convolution", "convolve_groups")
        parts = ("sums", "wide", "rows", function) if simple else ("sums", "rows", function)
        record = constant(f"{kind} {name}", sizes, f"    {name}_weight", scaling)
        return Printed(parts, self._weights(step, name) + tables + record, (function + call,))

    @functools.cached_property
    def _packs(self) -> bool:
        return are_packed(self.network.steps)

    def _packed(self, each: Counted, step: steps.Convolve | steps.Dense, name: str, call: str) -> Printed:
        """A layer of a network of few bits."""
        tables, scaling = self._scaling(each, name)
        weights, bits = self._weights(step, name), bits_of(step)
        add = f"add_{'each' if is_depthwise(step) else 'rows'}_{bits}"
        record = constant(f"packed_layer {name}", lines(*packed_sizes(each)), f"    {name}_weight, {add}", scaling)
        reading = (f"packed_weight_{bits}",) if bits < WHOLE else ()
        parts = ("sums", "packed", *reading, f"packed_{add.removeprefix('add_')}")
        return Printed(parts, weights + tables + record, (call,))

    def _average(self, each: Counted, step: steps.Average, name: str, call: str) -> Printed:
        edges = {"rows": step.rows, "columns": step.columns}
        tables = "".join(table(f"{name}_{kind}", np.array(edge, np.uint16)) for kind, edge in edges.items())
        tables += self._tables(each, name, "multiplier", "shift")
        record = constant(
            f"averaging {name}",
            lines(step.seen[1:], step.plane[:2]),
            f"    {name}_rows, {name}_columns",
            lines((step.whole, step.divisor or 0), each.zeros),
            f"    {name}_multiplier, {name}_shift",
            lines((each.zero, each.low, each.high)),
        )
        return Printed(("average",), tables + record, (call,))

    def _add(self, each: Counted, name: str, reads: list[str], result: str) -> Printed:
        tables = table(f"{name}_zeros", np.array(each.zeros, np.int32))
        tables += self._tables(each, name, "multiplier", "shift")
        record = constant(
            f"addition {name}",
            lines((len(reads), each.step.size)),
            f"    {name}_zeros, {name}_multiplier, {name}_shift",
            lines((each.zero, each.low, each.high)),
        )
        inputs = f"{name}_inputs"
        made = [f"const uint8_t *{inputs}[{len(reads)}];"]
        made += [f"{inputs}[{place}] = {read};" for place, read in enumerate(reads)]
        block = "{ " + " ".join([*made, f"add(&{name}, {inputs}, {result});"]) + " }"
        return Printed(("add",), tables + record, (block,))

    def _multiply(self, each: Counted, step: steps.Multiply, name: str, call: str) -> Printed:
        period = step.plane[2] if step.gate else step.size
        record = constant(
            f"multiplication {name}",
            lines((step.size, period), each.zeros),
            f"    {name}_multiplier, {name}_shift",
            lines((each.zero, each.low, each.high)),
        )
        return Printed(("multiply",), self._tables(each, name, "multiplier", "shift") + record, (call,))

    def _concat(self, each: Counted, step: steps.Concat, name: str, reads: list[str], result: str) -> Printed:
        calls, first = [], 0
        pixels, stride = step.plane[0] * step.plane[1], step.plane[2]
        for place, (read, count) in enumerate(zip(reads, step.channels, strict=True)):
            sizes = f"{pixels}, {count}, {stride}"
            calls.append(f"concat({name}_table + {256 * place}, {sizes}, {read}, {result} + {first});")
            first += count
        return Printed(("concat",), table(f"{name}_table", self.network.table(each.step, "table")), tuple(calls))


def packed_sizes(each: Counted) -> tuple[Numbers, ...]:
    """The sizes in the record of a packed layer; a product with a matrix is a convolution of one place."""
    step = each.step
    if isinstance(step, steps.Dense):
        step = steps.Convolve(step.name, step.reads, step.plane, seen=(1, 1, step.seen), kernel=(1, 1), bits=step.bits)
    assert isinstance(step, steps.Convolve), "what is packed has weights"
    beside = step.groups == 1 and step.dilation[1] == 1
    return (
        step.seen,
        step.plane,
        step.kernel,
        (*step.stride, *step.padding, *step.dilation),
        step.window,
        (packed_groups(step), step.channels[0], step.kernel[1] if beside else 1),
        (int(is_depthwise(step)),),
        (*each.zeros, bits_of(step)),
    )


def constant(declared: str, *rows: str) -> str:
    """A constant record of sizes and tables."""
    inside = ",\n".join(rows)
    return f"static const {declared} = {{\n{inside}\n}};\n"


def lines(*rows: Numbers) -> str:
    """Rows of whole numbers, as they stand in a record."""
    return ",\n".join("    " + ", ".join(map(str, row)) for row in rows)
