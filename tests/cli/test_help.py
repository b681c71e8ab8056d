"""Help: examples that parse, options in groups, flags as flags, units; and `--quiet`, for scripts."""

import re
import shlex
from typing import Any

import pytest
import typer.main

from edgedigits.cli import tables
from edgedigits.cli.app import DATA, FOLDERS, LIMITS, OUTPUT, app
from edgedigits.cli.voice import VOICE, say, tell
from edgedigits.verify.limits import NAMES
from tests.cli.test_cli import Cli, edgedigits  # noqa: F401 - a fixture

COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]
EXAMPLES = [(name, line) for name in COMMANDS for line in COMMANDS[name].epilog.split("\n\n")[1:]]
PANELS = {
    "dataset": DATA,
    "data_dir": DATA,
    "dark_ink": DATA,
    "runs": FOLDERS,
    "exports": FOLDERS,
    "json": OUTPUT,
    "quiet": OUTPUT,
    "html": OUTPUT,
    "junit": OUTPUT,
    "markdown": OUTPUT,
    **{name.replace("-", "_"): LIMITS for name in NAMES},
}


@pytest.fixture
def shown(edgedigits: Cli, monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: F811
    """The help of a command at 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    return lambda *words: edgedigits(*words, "--help").out


def test_every_command_has_two_examples() -> None:
    for name, command in COMMANDS.items():
        heading, *lines = command.epilog.split("\n\n")
        assert heading == "Examples:"
        assert len(lines) == 2, name


@pytest.mark.parametrize(("name", "line"), EXAMPLES)
def test_every_example_is_a_command_line_of_its_command(name: str, line: str) -> None:
    program, command, *words = shlex.split(line)
    assert (program, command) == ("edgedigits", name)
    assert len(line.strip()) <= 76
    COMMANDS[name].make_context(name, words)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_shows_examples_groups_and_flags_without_a_type(name: str, shown: Any) -> None:
    text = shown(name)
    assert all(line.strip() in text for line in COMMANDS[name].epilog.split("\n\n"))
    assert "<bool>" not in text
    for parameter in COMMANDS[name].params:
        panel = PANELS.get(parameter.name)
        assert panel is None or parameter.param_type_name == "argument" or parameter.rich_help_panel == panel
    assert re.search(rf"{OUTPUT} ─.*--help", text, re.DOTALL)


def test_flags_of_the_program_have_no_type_either(shown: Any) -> None:
    assert "<bool>" not in shown()


def test_limits_say_their_units_and_defaults(shown: Any) -> None:
    text = " ".join(re.sub("[│╭╮╰╯─]", " ", shown("verify")).split())
    for words in ("POINTS", "PERCENT", "BYTES", "MICROSECONDS", "ANSWERS", "By default 0 in float files"):
        assert words in text


@pytest.mark.parametrize("quiet", [(), ("--quiet",), ("-q",)])
def test_quiet_leaves_out_the_next_step_and_keeps_what_is_wrong(
    quiet: tuple[str, ...],
    edgedigits: Cli,  # noqa: F811
) -> None:
    listing = edgedigits("models", *quiet)
    assert (listing.code, bool(listing.err)) == (0, not quiet)
    assert "cnn" in listing.out
    wrong = edgedigits("bench", "nothing.onnx", *quiet)
    assert (wrong.code, wrong.out) == (3, "")
    assert "nothing.onnx is missing" in wrong.err


def test_quiet_draws_no_progress(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(VOICE, "quiet", True)
    with tables.progress("train"):
        tell("Next: ...")
        say("wrong")
    assert capsys.readouterr() == ("", "wrong\n")
