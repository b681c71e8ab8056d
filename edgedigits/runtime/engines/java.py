"""ONNX Runtime's own Java API (com.microsoft.onnxruntime of Maven Central), on the CPU."""

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import numpy as np

from edgedigits.errors import first_line
from edgedigits.runtime import remote
from edgedigits.runtime.engines import Engine, Setting
from edgedigits.runtime.predictor import ModelFile, Session
from edgedigits.runtime.safety import messages
from edgedigits.runtime.safety.messages import Array, Message
from edgedigits.runtime.safety.process import start_program
from edgedigits.system import maven

PROGRAM = Path(__file__).with_name("Answers.java")
OPTIONS = (
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",
    "-Xmx512m",
)  # it starts soon, leaves nothing
CODE = "Error code - "  # before the name of a kind of error, in ONNX Runtime's Java words
NUMBER = struct.Struct(">i")


def programs() -> None:
    """Raise MissingCapability unless a JDK and Maven are on this machine."""
    for name in ("java", "javac", "mvn"):
        maven.executable(name)


def version() -> str:
    """Of ONNX Runtime, which is fetched when it is first needed. Raises MissingCapability."""
    maven.unpacked(maven.ONNXRUNTIME)
    return maven.ONNXRUNTIME.version


def session(file: ModelFile, _: Setting) -> Session:
    """A session in a JVM of its own, which ends when this process does."""
    folder = maven.unpacked(maven.ONNXRUNTIME)
    libraries = f"-Donnxruntime.native.path={folder}"
    archive = str(folder / maven.ONNXRUNTIME.file)
    program = start_program([maven.executable("java"), *OPTIONS, libraries, "-cp", archive, str(PROGRAM)])
    requests, answers, said = program.stdin, program.stdout, program.stderr
    assert requests
    assert answers
    assert said

    def ask(request: Message, arrays: Sequence[Array]) -> tuple[Message, list[Array]]:
        try:
            messages.write(requests, packed(request, arrays))
            error, found = received(answers)
        except (BrokenPipeError, EOFError) as ended:
            last = said.read().decode(errors="replace").strip().rpartition("\n")[2]
            raise RuntimeError(f"Java ended early, exit code {program.wait()}: {last}") from ended
        if error:
            raise RuntimeError(error)
        return {}, found

    outputs = [output.name for output in file.contract.outputs]
    names = [file.contract.input.name, *outputs]
    ask({"do": "load", "names": names}, [np.frombuffer(file.content, np.uint8)])
    return remote.session(ask, len(outputs))._replace(alive=lambda: program.poll() is None)


def packed(request: Message, arrays: Sequence[Array]) -> bytes:
    """A request as `Answers.java` reads it: what to do, how often, names, arrays."""
    names = request.get("names", ())
    parts = [_text(request["do"]), NUMBER.pack(request.get("calls", 0))]
    parts += [NUMBER.pack(len(names)), *map(_text, names), NUMBER.pack(len(arrays))]
    for array in arrays:
        content = np.ascontiguousarray(array).tobytes()
        shape = struct.pack(f">i{array.ndim}q", array.ndim, *array.shape)
        parts += [_text(array.dtype.name), shape, NUMBER.pack(len(content)), content]
    return b"".join(parts)


def received(pipe: IO[bytes]) -> tuple[str, list[Array]]:
    """The answer to a request: an error, or nothing, and arrays. Raises EOFError, ValueError on nonsense."""
    error = _bytes(pipe).decode(errors="replace")
    return error, [_array(pipe) for _ in range(_number(pipe))]


def _array(pipe: IO[bytes]) -> Array:
    dtype = np.dtype(_bytes(pipe).decode())
    rank = _number(pipe)
    shape = struct.unpack(f">{rank}q", messages.read(pipe, 8 * rank))
    return np.frombuffer(_bytes(pipe), dtype).reshape(shape)


def _number(pipe: IO[bytes]) -> int:
    return int(NUMBER.unpack(messages.read(pipe, NUMBER.size))[0])


def _bytes(pipe: IO[bytes]) -> bytes:
    return messages.read(pipe, _number(pipe))


def _text(text: str) -> bytes:
    content = text.encode()
    return NUMBER.pack(len(content)) + content


def words(error: Exception) -> str:
    """Its errors name their kind before they say what is wrong."""
    return first_line(RuntimeError(str(error).removeprefix(CODE)))


ENGINE = Engine(
    name="java",
    title="ONNX Runtime for Java",
    version=version,
    session=session,
    programs=programs,
    patience=2,
    words=words,
)
