"""A model file in another process or program, asked by messages."""

import functools
import io
from collections.abc import Callable, Sequence

import numpy as np

from edgedigits.errors import ModelFileError
from edgedigits.records.arrays import Images
from edgedigits.runtime.predictor import Inputs, ModelFile, Session
from edgedigits.runtime.safety import messages
from edgedigits.runtime.safety.messages import Array, Message

Ask = Callable[[Message, Sequence[Array]], tuple[Message, list[Array]]]


def remote(exchange: Callable[[bytes], bytes], file: ModelFile) -> Session:
    """A session in a program that answers messages as `answers.mjs` does; `exchange` sends one and waits for the other.

    What goes wrong there is a RuntimeError.
    """

    def ask(request: Message, arrays: Sequence[Array]) -> tuple[Message, list[Array]]:
        answer, found = messages.receive(io.BytesIO(exchange(messages.packed(request, arrays))))
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer, found

    outputs = [output.name for output in file.contract.outputs]
    request = {"do": "load", "input": file.contract.input.name, "outputs": outputs}
    ask(request, [np.frombuffer(file.content, np.uint8)])
    return session(ask, len(outputs))


def session(ask: Ask, outputs: int, number: object = 0) -> Session:
    """A file that another process has loaded, its `number` there, asked by messages.

    Raises ModelFileError where another number of outputs comes back, and what `ask` raises.
    """

    def answers(what: str, images: Images) -> list[Array]:
        _, found = ask({"do": what, "number": number}, [images])
        if len(found) != outputs:
            raise ModelFileError(f"{len(found)} outputs came out, {outputs} wanted.")
        return found

    def clock(inputs: Inputs, calls: int) -> list[float]:
        several = isinstance(inputs, list)
        request = {"do": "clock", "number": number, "calls": calls, "several": several}
        _, (spent,) = ask(request, inputs if several else [inputs])  # type: ignore[list-item, arg-type]
        return [float(seconds) for seconds in spent]

    return Session(functools.partial(answers, "call"), functools.partial(answers, "each"), clock)
