"""ONNX Runtime for Node.js (onnxruntime-node of npm), on the CPU."""

from pathlib import Path

from edgedigits.runtime import remote
from edgedigits.runtime.engines import Engine, Setting
from edgedigits.runtime.predictor import ModelFile, Session
from edgedigits.runtime.safety import messages
from edgedigits.runtime.safety.process import start_program
from edgedigits.system import npm

PACKAGE = "onnxruntime-node"
SCRIPT = Path(__file__).with_name("node.mjs")


def version() -> str:
    """Of onnxruntime-node, which is installed when it is first needed. Raises MissingCapability."""
    return npm.version(PACKAGE)


def session(file: ModelFile, _: Setting) -> Session:
    """A session in a Node.js of its own, which ends when this process does."""
    program = start_program([npm.node(), str(SCRIPT), str(npm.modules(PACKAGE))])
    requests, answers, said = program.stdin, program.stdout, program.stderr
    assert requests
    assert answers
    assert said

    def exchange(body: bytes) -> bytes:
        try:
            messages.write(requests, len(body).to_bytes(4, "little") + body)
            return messages.read(answers, int.from_bytes(messages.read(answers, 4), "little"))
        except (BrokenPipeError, EOFError) as error:
            last = said.read().decode(errors="replace").strip().rpartition("\n")[2]
            raise RuntimeError(f"Node.js ended early, exit code {program.wait()}: {last}") from error

    return remote.remote(exchange, file)._replace(alive=lambda: program.poll() is None)


ENGINE = Engine(
    name="node",
    title="ONNX Runtime for Node.js",
    version=version,
    session=session,
    programs=npm.node,
    packages=(PACKAGE,),
    patience=2,
)
