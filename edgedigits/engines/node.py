"""ONNX Runtime for Node.js (onnxruntime-node of npm), on the CPU."""

from pathlib import Path

from edgedigits import engines, formats, npm
from edgedigits.formats import Session
from edgedigits.records import Contract
from edgedigits.safety import BOUNDS

SETTINGS: tuple[str, ...] = ()
PATIENCE = 2

PACKAGE = "onnxruntime-node"
SCRIPT = Path(__file__).with_name("node.mjs")

words = formats.first_line


def version() -> str:
    """Of onnxruntime-node, which is installed when it is first needed. Raises MissingCapability."""
    npm.node()
    return npm.version(PACKAGE)


def session(serialized: bytes, contract: Contract, _: str | None) -> Session:
    """A session in a Node.js of its own, which ends when this process does."""
    program = engines.start([npm.node(), str(SCRIPT), str(npm.modules(PACKAGE))])
    requests, answers, said = program.stdin, program.stdout, program.stderr
    assert requests
    assert answers
    assert said

    def exchange(body: bytes) -> bytes:
        try:
            requests.write(len(body).to_bytes(4, "little") + body)
            requests.flush()
            size = int.from_bytes(answers.read(4), "little")
            if answer := answers.read(min(size, BOUNDS.answer_bytes)):
                return answer
        except BrokenPipeError:
            pass  # it has ended, as when it does not answer
        last = said.read().decode(errors="replace").strip().rpartition("\n")[2]
        raise RuntimeError(f"Node.js ended early, exit code {program.wait()}: {last}")

    return engines.remote(exchange, serialized, contract)
