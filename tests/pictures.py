"""The pictures of the README, made from a real run: `make pictures` writes them into `.github/pictures/`."""

import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from playwright.sync_api import Browser, ViewportSize, sync_playwright

from edgedigits.embed.embedder import embed
from edgedigits.system.server import Server
from tests.conftest import BROWSER
from tests.embed.test_web import PLACES, draw, settled, strokes
from tests.helpers import needs

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / ".github" / "pictures"
REPORT = ViewportSize(width=1000, height=620)
DRAWING = ViewportSize(width=1000, height=600)
DIGIT = 7
CHAIN = (
    "train --model fc --model cnn",
    "export --format onnx --quantize",
    "verify --html report.html",
)


def main() -> None:
    """Train, export and verify in an empty folder, and take a picture of what a person sees."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        folder = Path(temporary)
        for line in CHAIN:
            subprocess.run([sys.executable, "-m", "edgedigits", *line.split()], cwd=folder, check=True)
        browser = playwright.chromium.launch(executable_path=needs.find("chromium"), args=BROWSER.split())
        _report(browser, folder / "report.html")
        _drawing(browser, folder / "page")
        browser.close()


def _report(browser: Browser, page: Path) -> None:
    """The top of the page of the verification."""
    shown = browser.new_page(viewport=REPORT)
    shown.goto(page.as_uri())
    shown.screenshot(path=PICTURES / "report.png")


def _drawing(browser: Browser, folder: Path) -> None:
    """The page on which digits are drawn, with one on it, read by the files of cnn on the shelf."""
    embed("web", "cnn", folder, exports=ROOT / "exports")
    with Server(folder) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        shown = browser.new_page(viewport=DRAWING)
        shown.goto(server.url)
        draw(settled(shown), strokes(DIGIT, PLACES[DIGIT]))
        settled(shown).screenshot(path=PICTURES / "draw.png")
        server.shutdown()


if __name__ == "__main__":
    main()
