"""The web page, in a real browser, used as a person would: with a mouse, a finger, a keyboard and pictures."""

import io
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.request
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, Route, ViewportSize, expect

from edgedigits.cli import main
from edgedigits.data import canvases, drawn, pen
from edgedigits.embed.embedder import embed
from edgedigits.embed.targets import get_target
from edgedigits.records.arrays import Uint8Array
from edgedigits.system.server import Server
from tests.verify.test_page import CONTRAST, brightness

ROOT = Path(__file__).parents[2]
WIDE, PHONE = ViewportSize(width=1280, height=800), ViewportSize(width=390, height=844)
PATIENCE = 30_000  # milliseconds: the runtime is large, and the machine may be busy
PROGRAM = get_target("web").programs / "digits.js"
PLACES = {  # of each digit on the sheet: centre across and down, height and width, as fractions of the sheet
    0: (0.5, 0.5, 0.7, 0.5),
    1: (0.3, 0.4, 0.5, 0.3),
    2: (0.7, 0.65, 0.5, 0.4),
    3: (0.5, 0.5, 0.85, 0.6),
    4: (0.25, 0.7, 0.4, 0.35),
    5: (0.5, 0.35, 0.6, 0.45),
    6: (0.75, 0.25, 0.35, 0.3),
    7: (0.5, 0.5, 0.6, 0.5),
    8: (0.4, 0.6, 0.65, 0.45),
    9: (0.6, 0.45, 0.55, 0.4),
}
Visit = Callable[..., Page]
pytestmark = pytest.mark.needs("chromium", "npm")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The folder of target `web`, with the files of cnn from the shelf, served."""
    folder = tmp_path_factory.mktemp("web") / "cnn"
    made = embed("web", "cnn", folder, exports=ROOT / "exports")
    assert made.models == ("cnn.canvas.onnx", "cnn.canvas.int8.onnx")
    with Server(folder) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(scope="module")
def visit(site: Server, browser: Browser) -> Iterator[Visit]:
    """A function that opens the page. Whatever is done there: no request to elsewhere, nothing on the console."""
    contexts, said, requested = [], [], []

    def opened(path: str = "", changed: dict[str, str] | None = None, **options: Any) -> Page:
        context = browser.new_context(**{"viewport": WIDE, **options})
        contexts.append(context)
        context.on("request", lambda request: requested.append(request.url))
        context.on("console", lambda message: said.append(message.text))
        context.on("weberror", lambda error: said.append(str(error.error)))
        for name, body in (changed or {}).items():
            context.route(f"**/{name}", partial(replace, body))
        page = context.new_page()
        page.goto(site.url + path)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert said == []
    assert requested
    assert all(url.startswith((site.url, f"blob:{site.url}")) for url in requested)


@pytest.fixture(scope="module")
def shared(visit: Visit) -> Page:
    return settled(visit())


@pytest.fixture
def page(shared: Page) -> Page:
    """The page, with an empty sheet; it is loaded once."""
    recolour(shared, "light")
    shared.locator("#canvas").press("Escape")
    shared.evaluate("document.activeElement.blur()")
    return settled(shared)


def replace(body: str, route: Route) -> None:
    route.fulfill(body=body, content_type="text/javascript")


def settled(page: Page) -> Page:
    """The page once its answer is of the picture it shows."""
    expect(page.locator("#results")).to_have_attribute("aria-busy", "false", timeout=PATIENCE)
    return page


def recolour(page: Page, scheme: str) -> None:
    """Change the colours that the person prefers, and wait until the page has heard of it."""
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.evaluate("new Promise((heard) => requestAnimationFrame(() => requestAnimationFrame(heard)))")


def answer(page: Page) -> str:
    return settled(page).locator("#answer").inner_text()


def strokes(label: int, box: tuple[float, float, float, float]) -> list[list[tuple[float, float]]]:
    """The strokes of a digit at a place on the sheet, as fractions of it."""
    across, down, height, width = box
    placed = [stroke - 0.5 for stroke in pen.DIGITS[label]]
    return [[(across + x * width, down + y * height) for x, y in stroke] for stroke in placed]


def draw(page: Page, lines: list[list[tuple[float, float]]]) -> None:
    """Draw with the mouse."""
    sheet = on_sheet(page)
    for line in lines:
        for index, point in enumerate(line):
            page.mouse.move(*sheet(*point))
            if index == 0:
                page.mouse.down()
        page.mouse.up()


def on_sheet(page: Page) -> Callable[[float, float], tuple[float, float]]:
    """Where a fraction of the sheet is in the window."""
    box = page.locator("#canvas").bounding_box()
    assert box
    return lambda x, y: (box["x"] + x * box["width"], box["y"] + y * box["height"])


@pytest.mark.lengthy
def test_ten_digits_drawn_with_a_mouse_are_read(page: Page) -> None:
    answers = {}
    for label, place in PLACES.items():
        draw(page, strokes(label, place))
        answers[label] = answer(page)
        page.get_by_role("button", name="Clear").click()
    assert sum(found == str(label) for label, found in answers.items()) >= 9, answers


def test_a_blank_sheet_is_no_digit(visit: Visit) -> None:
    page = visit()
    assert answer(page) == "no digit"
    expect(page.locator("#why")).to_have_text("Nothing to read yet.")
    assert page.locator("#bars td:last-child").all_inner_texts() == ["10.0%"] * 10
    expect(page.locator("#models")).to_contain_text("no digit")
    for name in ("Undo", "Clear"):
        expect(page.get_by_role("button", name=name)).to_be_disabled()


def test_all_that_is_shown_follows_the_drawing(page: Page) -> None:
    draw(page, strokes(7, PLACES[7]))
    assert answer(page) == "7"
    probabilities = [float(text.rstrip("%")) for text in page.locator("#bars td:last-child").all_inner_texts()]
    assert probabilities[7] > 93
    assert sum(probabilities) == pytest.approx(100, abs=0.5)
    assert page.locator("#bars tr.best th").inner_text() == "7"
    for row, name, size in zip(page.locator("#models tr").all(), ("", ".int8"), ("83.8", "57.3"), strict=True):
        assert re.fullmatch(rf"cnn\.canvas{name}\.onnx\s+7, \d+\.\d%\s+\d+\.\d ms\s+{size} kB", row.inner_text())
    seen = page.evaluate("Array.from(seen.getContext('2d').getImageData(0, 0, 28, 28).data)")
    picture = np.array(seen, np.uint8).reshape(28, 28, 4)[..., 0]
    assert picture.max() == 255
    rows, columns = np.nonzero(picture)
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20
    expect(page.locator("#spoken")).to_contain_text("7. ", timeout=5000)


def test_undo_takes_back_a_stroke_and_a_clear(page: Page) -> None:
    first, second = strokes(4, PLACES[7])
    draw(page, [first])
    half = answer(page)
    draw(page, [second])
    assert answer(page) == "4"
    page.get_by_role("button", name="Undo").click()
    assert answer(page) == half
    draw(page, [second])
    page.get_by_role("button", name="Clear").click()
    assert answer(page) == "no digit"
    page.keyboard.press("Control+z")
    assert answer(page) == "4"


def png(image: Uint8Array, alpha: Uint8Array | None = None) -> bytes:
    file = io.BytesIO()
    shown = image if alpha is None else np.dstack([image, image, image, alpha])
    Image.fromarray(shown).save(file, "png")
    return file.getvalue()


def canvas(label: int) -> Uint8Array:
    """A drawn digit somewhere on a canvas, light on dark or dark on light."""
    return canvases.paste(drawn.digits(10, seed=2)[0][label])


def drop(page: Page, content: bytes, event: str = "drop") -> None:
    """Drop or paste a file on the page."""
    handle = page.evaluate_handle(
        "([bytes]) => { const data = new DataTransfer(); data.items.add(new File([new Uint8Array(bytes)], 'a.png'));"
        " return data; }",
        [list(content)],
    )
    field = {"drop": "dataTransfer", "paste": "clipboardData"}[event]
    page.locator("#canvas").evaluate(
        "(canvas, [event, field, data]) => canvas.dispatchEvent(Object.assign("
        "new (event === 'drop' ? DragEvent : ClipboardEvent)(event, {bubbles: true, [field]: data})))",
        [event, field, handle],
    )


def test_pictures_are_read_however_they_come(page: Page) -> None:
    light = next(canvas(label) for label in range(10) if canvas(label)[0, 0] == 255)
    label = next(str(label) for label in range(10) if canvas(label)[0, 0] == 255)
    for event in ("drop", "paste"):
        for picture in (light, 255 - light):
            drop(page, png(picture), event)
            expect(page.locator("#invitation")).to_be_hidden()
            expect(page.locator("#answer")).to_have_text(label)
            page.get_by_role("button", name="Clear").click()
            expect(page.locator("#answer")).to_have_text("no digit")
    transparent = png(np.zeros_like(light), 255 - light)
    page.locator("#file").set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": transparent})
    expect(page.locator("#answer")).to_have_text(label)
    draw(page, strokes(7, PLACES[7]))  # a new drawing
    assert answer(page) == "7"
    page.keyboard.press("Control+z")
    assert answer(page) == label


def test_a_large_picture_is_scaled_down(page: Page) -> None:
    digit = canvas(8)
    wide = np.full((400, 6000), digit[0, 0], np.uint8)
    wide[: digit.shape[0], 4000 : 4000 + digit.shape[1]] = digit[:400]
    drop(page, png(wide))
    expect(page.locator("#answer")).to_have_text("8")
    assert page.evaluate("[canvas.width, canvas.height]") == [2048, 137]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a letter", "This file is no picture that this browser can read."),
        (png(np.zeros((5, 100), np.uint8)), "This picture has 100 × 5 pixels; 8 × 8 are needed."),  # noqa: RUF001
    ],
)
def test_what_is_no_picture_is_said(content: bytes, said: str, page: Page) -> None:
    drop(page, content)
    expect(page.get_by_role("alert")).to_have_text(said)
    draw(page, strokes(7, PLACES[7]))
    expect(page.get_by_role("alert")).to_be_hidden()
    assert answer(page) == "7"


def test_a_digit_is_drawn_by_keyboard(visit: Visit) -> None:
    page = settled(visit())
    page.keyboard.press("Tab")
    expect(page.locator("#canvas")).to_be_focused()
    expect(page.locator("#cursor")).to_be_visible()
    press(page, "ArrowLeft", 6)
    press(page, "ArrowUp", 9)
    page.keyboard.press("Space")
    press(page, "ArrowRight", 12)
    expect(page.locator("#pen")).to_have_text("Pen down, 71 across, 18 down of 100.", timeout=5000)
    for _ in range(9):  # aslant: two steps down, one to the left
        press(page, "ArrowDown", 2)
        page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    assert answer(page) == "7"
    expect(page.locator("#pen")).to_contain_text("Pen up", timeout=5000)
    page.keyboard.press("Escape")
    assert answer(page) == "no digit"
    page.keyboard.press("Backspace")
    assert answer(page) == "7"


def press(page: Page, key: str, times: int) -> None:
    for _ in range(times):
        page.keyboard.press(key)


def test_everything_is_reached_with_the_tab_key_and_is_seen_to_be(page: Page) -> None:
    draw(page, strokes(7, PLACES[7]))
    settled(page)
    page.locator("#canvas").focus()
    for name in ("Undo", "Clear", "Choose a picture"):
        page.keyboard.press("Tab")
        expect(page.get_by_role("button", name=name)).to_be_focused()
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Self-test")).to_be_focused()


def test_a_screen_reader_is_told_what_everything_is(page: Page) -> None:
    draw(page, strokes(7, PLACES[7]))
    settled(page)
    told = page.locator("body").aria_snapshot()
    for line in (
        '- heading "Draw a digit or a number" [level=1]',
        '- application "Sheet to draw a digit or a number on"',
        '- button "Undo"',
        '- button "Clear"',
        '- button "Choose a picture"',
        '- heading "Answer" [level=2]',
        '- img "What the network saw, 28 by 28 pixels"',
        '- table "Probabilities"',
        '- rowheader "7"',
        '- table "Float and int8"',
        '- columnheader "time"',
        '- link "Self-test"',
    ):
        assert line in told
    assert page.locator("#canvas").get_attribute("aria-describedby") == "keys"


@pytest.mark.lengthy
@pytest.mark.parametrize("size", [WIDE, PHONE])
def test_it_fits_the_window_and_has_contrast(size: ViewportSize, visit: Visit) -> None:
    phone = size is PHONE
    page = settled(visit(viewport=size, color_scheme="light", has_touch=phone, is_mobile=phone))
    for scheme, digit in (("light", 2), ("dark", 3)):
        recolour(page, scheme)
        page.get_by_role("button", name="Clear").dispatch_event("click")
        require_fit(page, size)
        (touch if phone else draw)(page, strokes(digit, PLACES[3]))
        assert answer(page) == str(digit)
        require_fit(page, size)
        background, text = page.evaluate("(s => [s.backgroundColor, s.color])(getComputedStyle(canvas))")
        assert (brightness(background) > brightness(text)) is (scheme == "light")
    for button in page.get_by_role("button").all():
        box = button.bounding_box()
        assert box
        assert min(box["width"], box["height"]) >= 44


def require_fit(page: Page, size: ViewportSize) -> None:
    """Sheet and answer are seen without scrolling, nothing is wider than the window, and all text has contrast."""
    settled(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    for element in ("#canvas", "#answer", "#seen"):
        box = page.locator(element).bounding_box()
        assert box
        assert box["y"] + box["height"] < size["height"]
    page.wait_for_timeout(200)  # until the buttons' colours have changed
    assert page.evaluate(CONTRAST) == {}


def touch(page: Page, lines: list[list[tuple[float, float]]]) -> None:
    """Draw with a finger; the page must not scroll meanwhile."""
    sheet = on_sheet(page)
    session = page.context.new_cdp_session(page)
    for line in lines:
        for index, point in enumerate(line):
            x, y = sheet(*point)
            event = {"type": "touchMove" if index else "touchStart", "touchPoints": [{"x": x, "y": y}]}
            session.send("Input.dispatchTouchEvent", event)
        session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert page.evaluate("scrollY") == 0


def test_colours_that_change_while_it_is_open_change_the_sheet(page: Page) -> None:
    draw(page, strokes(7, PLACES[7]))
    assert answer(page) == "7"
    recolour(page, "dark")
    assert answer(page) == "7"
    assert page.evaluate("canvas.getContext('2d').getImageData(0, 0, 1, 1).data[0]") < 64


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("cnn.canvas.int8.onnx", "cnn.canvas.int8.onnx could not be loaded: the server answers 404."),
        ("ort.wasm", "ort.wasm could not be loaded: the server answers 404."),
        ("contract.json", "contract.json could not be loaded: the server answers 404."),
        ("digits.js", "This browser could not start the network."),
    ],
)
def test_what_cannot_be_loaded_is_said(name: str, said: str, site: Server, browser: Browser) -> None:
    context = browser.new_context()
    context.route(f"**/{name}", lambda route: route.fulfill(status=404, body=""))
    page = context.new_page()
    page.goto(site.url)
    expect(page.get_by_role("alert")).to_have_text(said, timeout=PATIENCE)
    draw(page, strokes(7, PLACES[7]))
    expect(page.get_by_role("alert")).to_have_text(said)
    expect(page.locator("#answer")).to_have_text("no answer")
    context.close()


def verdict(page: Page) -> Locator:
    expect(page.locator("#verdict")).not_to_have_text("Running…", timeout=PATIENCE)
    return page.locator("#verdict")


def test_the_self_test_passes_in_this_browser(visit: Visit, site: Server) -> None:
    """The same pictures to the network, the same logits as in ONNX Runtime to 0.0001, and the same answers."""
    page = visit("selftest.html")
    expect(verdict(page)).to_have_text("✓ Passed")
    assert page.locator("#faults li").count() == 0
    rows = page.locator("#models tr").all_inner_texts()
    assert [row.split()[0] for row in rows] == ["cnn.canvas.onnx", "cnn.canvas.int8.onnx"]
    assert all(int(row.split()[1]) >= 24 for row in rows)
    assert site.url not in page.content()


PIXEL = "pixels[pixel] = Math.round(255 + ((light - 255) * data[at + 3]) / 255);"


@pytest.mark.lengthy
@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        (PIXEL, "pixels[pixel] = 255 - light;", "the pixels that reach the model are inverted"),
        (PIXEL, "pixels[pixel] = light / 255;", "are divided by 255 before they become whole numbers"),
        ("pixels, [height, width]", "pixels, [width, height]", "height and width are swapped"),
        (
            'new ort.Tensor("uint8", pixels',
            'new ort.Tensor("float32", Float32Array.from(pixels, (value) => value / 255)',
            "are divided by 255: the model takes 0 to 255",
        ),
        ("probability < threshold", "false", "no digit wanted: mind the contract's threshold"),
        ("import.meta.url);\n\nort", "import.meta.url);\n\nort.none", "undefined"),
    ],
)
def test_the_self_test_names_what_is_wrong_in_the_host_program(right: str, wrong: str, said: str, visit: Visit) -> None:
    program = PROGRAM.read_text()
    assert right in program
    page = visit("selftest.html", changed={"digits.js": program.replace(right, wrong)})
    expect(verdict(page)).to_have_text("✗ Failed")
    expect(page.locator("#faults")).to_contain_text(said)


@pytest.mark.lengthy
def test_the_demo_serves_until_ctrl_c_and_leaves_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "edgedigits", "demo", "--web", "--exports", str(ROOT / "exports")]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
        assert process.stdout
        assert process.stderr
        url = process.stdout.readline().decode().strip()
        with urllib.request.urlopen(url) as response:
            assert b"Draw a digit" in response.read()
        process.send_signal(signal.SIGINT)
        said = process.stderr.read().decode()
        assert process.wait(20) == 0
    assert said.splitlines() == ["Next: open it in a browser and draw. Ctrl-C ends it."]
    assert list(tmp_path.glob("edgedigits-*")) == []


def demo(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """The exit code of `edgedigits demo`."""
    monkeypatch.setattr(sys, "argv", ["edgedigits", "demo", *map(str, arguments)])
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)  # main replaces it for good
    with pytest.raises(SystemExit) as left:
        main.main()
    return int(left.value.code or 0)


def test_the_demo_says_what_it_cannot_do(
    site: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.txt").write_text("mine")
    shelf = ["--exports", ROOT / "exports"]
    for arguments, code, said in (
        ([], 2, "what is to be shown? edgedigits demo --web"),
        (["--web"], 3, "exports: no canvas file here. Run edgedigits export --input canvas"),
        (["--web", "--port", site.server_port, *shelf], 2, "Address already in use. Name another"),
        (["--web", "--out", tmp_path, *shelf], 2, "not empty"),
    ):
        assert demo(monkeypatch, *arguments) == code
        captured = capsys.readouterr()
        assert said in captured.err
        assert captured.out == ""
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_without_npm_it_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert demo(monkeypatch, "--web", "--exports", ROOT / "exports", "--out", tmp_path / "out") == 4
    assert "npm is not on this machine. Install Node.js" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
