"""The page: everything is on it, nothing untrusted breaks out of it, and a browser shows it well."""

import base64
import dataclasses
import io
import itertools
import os
import shutil
import sys
import warnings
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser

from edgedigits.cli.main import main
from edgedigits.data.dataset import Dataset
from edgedigits.errors import MissingCapability, UsageError
from edgedigits.export.manifest import read_manifest
from edgedigits.records.model import Checkpoint, DatasetRef, Metrics, Recipe
from edgedigits.records.report import Deployment, Limits, ParityReport, Robustness, Verification
from edgedigits.verify import confusion, parity, references
from edgedigits.verify import page as verify_page
from edgedigits.verify.page import Evidence, write_page
from edgedigits.verify.verifier import verify
from tests.helpers import keep
from tests.helpers.networks import fc

NASTY = "<b>&\"'</b><script>alert(1)</script>"
UNREADABLE = ParityReport(
    "c", "unknown", "exports/c/c.onnx", "", 0, failures=("file: c.onnx is missing.",), readable=False
)


class Page(HTMLParser):
    """A parsed page: its elements in order, with their attributes and their own text."""

    VOID = ("meta", "img", "rect")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[tuple[str, str]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == [], "every element is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append((self.open[-1], " ".join(data.split())))

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def text(self) -> str:
        return " ".join(text for tag, text in self.texts if tag != "style")


def made(run: Checkpoint, digits: Dataset, changed: int, **changes: object) -> tuple[ParityReport, Evidence]:
    """A report and its evidence, as of a file that gives another answer to the first `changed` test images."""
    count = len(digits.test)
    reference = np.random.default_rng(0).normal(size=(count, 10)).astype(np.float32)
    reference[np.arange(count), digits.test.labels] += 3  # mostly right
    logits = reference.copy()
    logits[:changed] = np.roll(logits[:changed], 1, axis=1)
    flips = parity.flips(reference, logits)
    found = ParityReport(
        name=run.name,
        format="onnx",
        path="exports/fc/fc.onnx",
        sha256="ab" * 32,
        size_bytes=160_700,
        dataset="tiny",
        samples=count,
        reference_accuracy=0.98,
        accuracy=0.97,
        interval=(0.96, 0.99),
        flips=len(flips),
        flip_indices=tuple(flip.index for flip in flips),
        flip_margins=tuple(flip.margin for flip in flips),
        flip_answers=tuple((flip.before, flip.after) for flip in flips),
        lost=len(flips),
        gained=0,
        mcnemar_p=0.5,
        max_abs_diff=0.25,
        softmax_diff=1e-7,
        latency_us=12.5,
        deployments=(Deployment("one image a call", 60, 1, 1, 0.5),),
        robustness=(
            Robustness("shifted", 1000, 7, 0.1, 0.8, 0.79),
            Robustness("blank", 1, 0, 0.0, None, None),
        ),
        limits=Limits(max_flips=50),
        passed=True,
    )
    found = dataclasses.replace(found, **changes)  # type: ignore[arg-type]
    return found, Evidence(run.spec.labels, run, None, digits.test, reference, logits)


def page_of(*files: tuple[ParityReport, Evidence | None]) -> str:
    reports = tuple(found for found, _ in files)
    passed = all(found.passed for found in reports)
    samples = max(found.samples for found in reports)
    summary = Verification(passed, "tiny" if samples else "", samples, reports)
    return verify_page.page(summary, [seen for _, seen in files])


@pytest.fixture(scope="module")
def run() -> Checkpoint:
    return Checkpoint(
        name="fc-tiny",
        model="fc",
        spec=fc(50),
        recipe=Recipe(epochs=5, batch_size=64, lr=1e-3),
        dataset=DatasetRef("tiny", "cd" * 32, "tiny"),
        metrics=Metrics(0.98, 0.99, None, 1.0),
        versions={"torch": "2.15.0"},
        device="cpu",
        threads=1,
        weights_sha256="ef" * 32,
    )


@pytest.fixture(scope="module")
def verified(exports: Path, runs: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Verification, str]:
    """A real verification with a file that is damaged, and the page that it wrote into a new folder."""
    folder = tmp_path_factory.mktemp("verified")
    files = Path(shutil.copytree(exports / "fc-tiny", folder / "fc-tiny"))
    keep(files, "onnx", "onnx-int8", "onnx-canvas", "torchscript", "pt2", "c-int8")
    (files / "fc-tiny.onnx").write_bytes(b"")
    result = verify([files], runs=runs, html=folder / "new" / "folder" / "report.html")
    return result, (folder / "new" / "folder" / "report.html").read_text(encoding="utf-8")


def test_the_page_of_a_verification_holds_every_file_with_its_hash(verified: tuple[Verification, str]) -> None:
    result, text = verified
    page = Page(text)
    assert len(result.reports) >= 4
    for found in result.reports:
        assert Path(found.path).name in page.text
        assert found.sha256 in page.text
        assert found.path in page.text
        assert all(failure in page.text for failure in found.failures)
        assert (found.latency_us is not None) == found.readable
    assert page.text.count("passed") >= sum(found.passed for found in result.reports)
    assert checkpoint_of(result) in page.text
    for words in ("torch 2.", "onnxruntime 1.", "opset 17"):
        assert words in page.text


def checkpoint_of(result: Verification) -> str:
    """The SHA-256 in the manifest beside the files."""
    listing = read_manifest(Path(result.reports[0].path).parent)
    assert listing
    return listing.checkpoint.weights_sha256


@pytest.fixture
def file(exports: Path, tmp_path: Path) -> Path:
    """An exported file: what is verified of it is written beside it."""
    return Path(shutil.copytree(exports / "fc-tiny", tmp_path / "fc-tiny")) / "fc-tiny.onnx"


def test_a_verification_without_a_page_measures_no_latency(file: Path, runs: Path) -> None:
    (found,) = verify([file], runs=runs).reports
    assert found.latency_us is None


def test_the_verdict_comes_first(run: Checkpoint, digits: Dataset) -> None:
    page = Page(page_of(made(run, digits, 3), (UNREADABLE, None)))
    headings = [(tag, text) for tag, text in page.texts if tag in ("h1", "h2", "h3")]
    assert headings[0] == ("h1", "✗ Failed")
    assert headings[1] == ("h2", "What failed")
    assert [tag for tag, _ in headings].count("h1") == 1
    assert "1 of 2 files did not pass" in page.text
    assert Page(page_of(made(run, digits, 3))).text.count("✓ Passed") == 1


def test_headings_tables_and_pictures_are_labelled(run: Checkpoint, digits: Dataset) -> None:
    page = Page(page_of(made(run, digits, 3), (UNREADABLE, None)))
    levels = [int(tag[1]) for tag, _ in page.elements if tag in ("h1", "h2", "h3", "h4")]
    assert all(below <= above + 1 for above, below in itertools.pairwise(levels))
    assert len(page.all("caption")) == len(page.all("table"))
    assert all(attributes["scope"] in ("col", "row") for attributes in page.all("th"))
    assert all(attributes["alt"] for attributes in page.all("img"))
    identifiers = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(set(identifiers)) == len(identifiers)
    for _, attributes in page.elements:
        if "aria-labelledby" in attributes:
            assert attributes["aria-labelledby"] in identifiers
        if "href" in attributes:
            assert attributes["href"].removeprefix("#") in identifiers


def test_every_flip_is_a_picture_with_both_answers_and_margins(run: Checkpoint, digits: Dataset) -> None:
    found, evidence = made(run, digits, 5)
    page = Page(page_of((found, evidence)))
    pictures = page.all("img")
    assert len(pictures) == found.flips == len(found.flip_indices)
    for index, margin in zip(found.flip_indices, found.flip_margins, strict=True):
        true = int(digits.test.labels[index])
        assert f"Test image {index}, a {true}" in [picture["alt"] for picture in pictures]
        assert f"{margin:.1%}" in page.text
    assert all(picture["src"].startswith("data:image/png;base64,") for picture in pictures)
    margins = parity.margins(evidence.logits[list(found.flip_indices)])
    assert all(f"{margin:.1%}" in page.text for margin in margins)
    assert "no difference" not in page.text


def test_a_picture_is_the_image(run: Checkpoint, digits: Dataset) -> None:
    found, evidence = made(run, digits, 1)
    (picture,) = Page(page_of((found, evidence))).all("img")
    content = base64.b64decode(picture["src"].partition(",")[2])
    with Image.open(io.BytesIO(content)) as image:
        assert (np.asarray(image) == digits.test.images[found.flip_indices[0]]).all()


def test_the_surest_flips_come_first_and_the_rest_is_counted(
    run: Checkpoint, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify_page, "MAX_FLIPS", 4)
    found, evidence = made(run, digits, 10)
    page = Page(page_of((found, evidence)))
    surest = sorted(zip(found.flip_margins, found.flip_indices, strict=True), reverse=True)[:4]
    assert [int(picture["alt"].split()[2].rstrip(",")) for picture in page.all("img")] == [i for _, i in surest]
    assert f"the first 4; there are {found.flips - 4} more" in page.text  # type: ignore[operator]


def test_both_confusion_matrices_and_their_difference(run: Checkpoint, digits: Dataset) -> None:
    _, evidence = made(run, digits, 12)
    tables = evidence.matrices()
    assert [matrix.title for matrix in tables] == ["reference", "file", "difference"]
    torch, file, difference = (
        np.array([[int(cell.text.replace("−", "-") or 0) for cell in row] for row in matrix.rows])  # noqa: RUF001
        for matrix in tables
    )
    assert torch.sum() == file.sum() == len(digits.test)
    assert (difference == file - torch).all()
    for row, cells in enumerate(tables[2].rows):
        for column, cell in enumerate(cells):
            worse = (difference[row, column] < 0) == (row == column)
            assert cell.shade.partition("-")[0] == ("none" if not cell.text else "worse" if worse else "better")


def test_of_many_classes_those_with_most_mistakes_are_shown(
    run: Checkpoint, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(confusion, "MAX_CLASSES", 3)
    found, evidence = made(run, digits, 2)
    assert all(len(matrix.labels) == len(matrix.rows) == 3 for matrix in evidence.matrices())
    assert "Of 10 classes, the 3 with the most mistakes." in Page(page_of((found, evidence))).text


def test_no_flips_is_said(run: Checkpoint, digits: Dataset) -> None:
    page = Page(page_of(made(run, digits, 0)))
    assert page.all("img") == []
    assert "the file gives torch’s answer to every test image" in page.text  # noqa: RUF001
    assert "Confusion matrices: no difference" in page.text
    assert "as its model does, within their limits. Every answer to " in page.text


@pytest.mark.parametrize("alone", [True, False])
def test_an_unreadable_file_is_shown_as_one(alone: bool, run: Checkpoint, digits: Dataset) -> None:
    page = Page(page_of((UNREADABLE, None), *([] if alone else [made(run, digits, 1)])))
    assert "file: c.onnx is missing." in page.text
    assert "not compared" in page.text
    assert ("No answer could be compared" in page.text) is alone


def test_logits_that_are_not_finite_are_said_to_be(run: Checkpoint, digits: Dataset) -> None:
    failed = {"max_abs_diff": None, "softmax_diff": None, "robustness": (), "deployments": (), "latency_us": None}
    found, evidence = made(run, digits, 4, passed=False, failures=("logits: not finite; image 0 first",), **failed)
    evidence.logits[:4] = np.nan
    page = Page(page_of((found, evidence)))
    assert page.text.count("not finite") >= 4 + 2
    assert "nan" not in page.text.lower().split()


def test_failures_that_repeat_themselves_are_counted_above_and_listed_below(run: Checkpoint, digits: Dataset) -> None:
    failures = tuple(f"deployed: {count} answers changed" for count in (11, 12, 13))
    page = Page(page_of(made(run, digits, 1, passed=False, failures=failures)))
    assert page.text.count(failures[0]) == 2
    assert page.text.count(failures[1]) == 1
    assert "(and 2 more)" in page.text


def test_labels_and_paths_are_text_and_never_markup(run: Checkpoint, digits: Dataset) -> None:
    pages = []
    for word in (NASTY, "a plain word"):
        labels = (word, *(f"{word}{number}" for number in range(1, 10)))
        spec = dataclasses.replace(run.spec, labels=labels)
        record = dataclasses.replace(run, name=word.replace("/", ""), versions={word: word}, spec=spec)
        pages.append(page_of(made(record, digits, 3, path=f"a/{word}.x", failures=(word,), format=word, passed=False)))
    hostile, plain = ([(tag, set(attributes)) for tag, attributes in Page(text).elements] for text in pages)
    assert hostile == plain
    assert NASTY in Page(pages[0]).text
    assert NASTY not in pages[0]


def test_a_path_that_is_no_utf8_can_be_written(run: Checkpoint, digits: Dataset, tmp_path: Path) -> None:
    found, evidence = made(run, digits, 1, path=os.fsdecode(b"exports/l\xe4ufe/fc.onnx"))
    write_page(Verification(True, "tiny", 60, (found,)), [evidence], tmp_path / "report.html")
    assert "exports/l?ufe/fc.onnx" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_the_page_loads_nothing(verified: tuple[Verification, str], run: Checkpoint, digits: Dataset) -> None:
    for text in (verified[1], page_of(made(run, digits, 3))):
        page = Page(text)
        (policy,) = (m["content"] for m in page.all("meta") if m.get("http-equiv") == "Content-Security-Policy")
        assert "default-src 'none'" in policy
        assert "http:" not in text
        assert "https:" not in text
        assert "url(" not in text
        assert "@import" not in text
        assert not any(page.all(tag) for tag in ("script", "link", "iframe", "object", "form", "base"))
        assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)


def test_titles_leave_out_what_all_paths_share() -> None:
    assert verify_page._titles(["a/b/x.onnx"]) == ["x.onnx"]
    assert verify_page._titles(["a/b/x.onnx", "a/c/x.onnx"]) == ["b/x.onnx", "c/x.onnx"]
    assert verify_page._titles(["x.onnx", "a/x.onnx"]) == ["x.onnx", "a/x.onnx"]
    assert verify_page._titles(["/a/x.onnx", "a/x.onnx"]) == ["/a/x.onnx", "a/x.onnx"]


def test_where_no_page_can_be_written_is_said_before_anything_is_verified(
    exports: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    loaded: list[object] = []
    monkeypatch.setattr(references, "dataset_of", lambda *_: loaded.append(1))
    with pytest.raises(MissingCapability, match="--html"):
        verify([exports], html=tmp_path / "file" / "report.html")
    with pytest.raises(UsageError, match="is a folder: name a file in it"):
        verify([exports], html=tmp_path)
    assert loaded == []
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def command_line(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """The exit code of `edgedigits verify`."""
    monkeypatch.setattr(sys, "argv", ["edgedigits", "verify", *map(str, arguments)])
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)  # main replaces it for good
    try:
        main()
    except SystemExit as left:
        return int(left.code or 0)
    return 0


def test_the_command_line_writes_the_page_and_says_where(
    file: Path, runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a" / "report.html"
    assert command_line(monkeypatch, file, "--runs", runs, "--html", path) == 0
    assert "✓ Passed" in path.read_text(encoding="utf-8")
    assert str(path) in capsys.readouterr().err
    assert [entry.name for entry in path.parent.iterdir()] == ["report.html"]


def test_the_command_line_ends_with_4_where_the_page_cannot_be_written(
    exports: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert command_line(monkeypatch, exports, "--html", tmp_path / "file" / "report.html") == 4
    assert "cannot write to" in capsys.readouterr().err


@pytest.fixture(scope="module")
def shown(run: Checkpoint, digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with a passed, a failed and an unreadable file, long labels and long paths."""
    labels = ("T-shirt/top", "an uncommonly long name of a class", *map(str, range(2, 10)))
    record = dataclasses.replace(run, spec=dataclasses.replace(run.spec, labels=labels))
    found, evidence = made(record, digits, 30, path=f"exports/{'long' * 30}/{'x' * 80}.onnx", passed=False)
    failing = dataclasses.replace(found, failures=("flips: " + "x" * 300, f"cause: {'a b ' * 40}"))
    reports = [(made(run, digits, 0)[0], evidence), (failing, evidence), (UNREADABLE, None)]
    path = tmp_path_factory.mktemp("shown") / "report.html"
    path.write_text(page_of(*reports), encoding="utf-8")
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1280, 800), (360, 640)])
def test_a_browser_shows_it(width: int, height: int, scheme: str, shown: Path, browser: Browser) -> None:
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)  # type: ignore[arg-type]
    said: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(shown.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    verdict = page.locator("h1").bounding_box()
    assert verdict
    assert verdict["y"] + verdict["height"] < height
    images = page.evaluate("Array.from(document.images, image => [image.complete, image.naturalWidth])")
    assert images
    assert all(image == [True, 28] for image in images)
    for box in page.locator(".scroll:visible").all():
        place = box.bounding_box()
        assert place
        assert place["x"] >= 0
        assert place["x"] + place["width"] <= width
    background, text = page.evaluate("(s => [s.backgroundColor, s.color])(getComputedStyle(document.body))")
    assert (brightness(background) > brightness(text)) is (scheme == "light")
    assert said == []
    assert [url for url in requests if not url.startswith("data:")] == [shown.as_uri()]
    page.close()


CONTRAST = """() => {
  const rgb = color => {  // by painting: a color-mix has no other plain form
    const c = Object.assign(document.createElement('canvas'), {width: 1, height: 1}).getContext('2d');
    c.fillStyle = color; c.fillRect(0, 0, 1, 1); return c.getImageData(0, 0, 1, 1).data; };
  const linear = v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => [r, g, b].map(v => linear(v / 255))
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const over = (top, below) => [0, 1, 2].map(i => (top[i] * top[3] + below[i] * (255 - top[3])) / 255);
  const ground = e => { const own = rgb(getComputedStyle(e).backgroundColor);
    return own[3] === 255 ? own : over(own, e.parentElement ? ground(e.parentElement) : [255, 255, 255]); };
  const poor = {};
  for (const e of document.body.querySelectorAll('*')) {
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
    const a = light(rgb(getComputedStyle(e).color)), b = light(ground(e));
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5) poor[e.tagName + '.' + e.className] = ratio;
  }
  return poor;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_contrast(scheme: str, shown: Path, browser: Browser) -> None:
    """At least 4.5 to 1, as WCAG 2 asks at level AA."""
    page = browser.new_page(color_scheme=scheme)  # type: ignore[arg-type]
    page.goto(shown.as_uri())
    assert page.evaluate(CONTRAST) == {}
    page.close()


def brightness(color: str) -> int:
    """The sum of the parts of `rgb(1, 2, 3)`."""
    return sum(int(part) for part in color[4:-1].split(","))
