"""What a predictor is given is read as it is meant, or refused in words; and what is said where no process starts."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from edgedigits.errors import DataError, MissingCapability, UsageError
from edgedigits.runtime.inputs import as_canvas, as_images
from edgedigits.runtime.load import load
from edgedigits.runtime.safety import process

CNN = Path(__file__).parents[2] / "exports" / "cnn" / "cnn.onnx"
IMAGES = np.random.default_rng(0).integers(0, 120, (3, 28, 28), dtype=np.uint8)
FORMS: dict[str, Callable[[], Any]] = {
    "as they are": lambda: IMAGES,
    "strided": lambda: np.repeat(IMAGES, 2, axis=0)[::2],
    "int64": lambda: IMAGES.astype(np.int64),
    "whole floats": lambda: IMAGES.astype(np.float32),
    "fractions": lambda: IMAGES / 255,
    "lists": lambda: IMAGES.tolist(),
    "a list of arrays": lambda: list(IMAGES),
    "rows": lambda: IMAGES.reshape(3, 784),
    "channels first": lambda: IMAGES[:, None],
    "channels last": lambda: IMAGES[..., None],
    "a tensor": lambda: torch.from_numpy(IMAGES[:, None] / 255).float().requires_grad_(),
    "a column of arrays": lambda: np.array([*IMAGES, None], dtype=object)[:3],
    "pictures": lambda: [Image.fromarray(image) for image in IMAGES],
}


@pytest.mark.parametrize("form", FORMS)
def test_images_are_read_as_they_are_meant(form: str) -> None:
    np.testing.assert_array_equal(as_images(FORMS[form]()), IMAGES)


def test_one_image_is_a_batch_of_one_and_nothing_is_none() -> None:
    for one in (IMAGES[0], IMAGES[0].ravel(), IMAGES[:1], IMAGES[0][..., None], Image.fromarray(IMAGES[0])):
        np.testing.assert_array_equal(as_images(one), IMAGES[:1])
    assert as_images(IMAGES) is IMAGES
    for none in ([], IMAGES[:0], np.zeros((0, 784))):
        logits, probabilities = load(CNN)(none)
        assert logits.shape == probabilities.shape == (0, 10)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (IMAGES[:, :27], r"uint8 \[3, 27, 28\] given"),
        (IMAGES / 255 - 0.5, r"float64 \[3, 28, 28\] from -0\.5 to"),
        (IMAGES + np.float32(0.5), r"float32 \[3, 28, 28\] from 0\.5 to .* given"),
        (np.full((28, 28), np.nan), r"float64 \[1, 28, 28\] from nan"),
        ((IMAGES > 60).astype(int), r"int64 \[3, 28, 28\] of 0 and 1 given: 255 is ink"),
        (None, r"None of object \[\] given"),
    ],
)
def test_what_is_not_unmistakable_is_refused_with_shape_and_dtype(given: Any, said: str) -> None:
    with pytest.raises(UsageError, match=rf"uint8 \[batch, 28, 28\] wanted, .*{said}"):
        as_images(given)


def test_a_picture_that_is_not_there_or_light_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nothing\.png"):
        as_images("nothing.png")
    Image.fromarray(255 - IMAGES[0]).save(tmp_path / "light.png")
    with pytest.warns(UserWarning, match=r"light\.png: the ground seems light"):
        as_images(tmp_path / "light.png")


def test_canvases_are_read_as_they_are_meant() -> None:
    canvas = np.kron(IMAGES[0], np.ones((3, 4), np.uint8))
    for given in (canvas, canvas / 255, canvas[None], canvas[..., None], np.stack([canvas] * 3, axis=2)):
        np.testing.assert_array_equal(as_canvas(given), canvas)
    np.testing.assert_array_equal(as_canvas(Image.fromarray(canvas)), canvas)
    with pytest.raises(UsageError, match=r"sides of 8 to 2048 pixels wanted, \[5, 84\] given"):
        as_canvas(canvas[:5, :84])


def test_many_images_are_asked_for_in_batches_with_the_same_answers() -> None:
    predictor = load(CNN)
    images = np.tile(IMAGES, (150, 1, 1))
    np.testing.assert_array_equal(predictor(images)[0], predictor.session.call(images)[0])


def _no_start(*_: object, **__: object) -> None:
    raise BlockingIOError(11, "Resource temporarily unavailable")


@pytest.mark.parametrize(
    ("owner", "name", "value", "said"),
    [
        (sys, "frozen", True, "frozen there is no Python"),
        (sys, "executable", None, "part of another program"),
        (sys, "executable", "", "part of another program"),
        (sys, "executable", "/nothing/python", "the system starts none"),
        (sys, "executable", "/bin/cat", "does not start as Python does"),
        (process, "started", _no_start, "Resource temporarily unavailable"),
    ],
)
def test_where_no_process_can_be_started_that_is_said_and_the_next_step_works(
    owner: object, name: str, value: object, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner, name, value, raising=False)
    with pytest.raises(MissingCapability, match=rf"cnn\.onnx: .*{said}") as caught:
        load(CNN, isolated=True)
    assert "A file that you trust needs none" in str(caught.value)
    assert "Do not use" not in str(caught.value)
    assert load(CNN, isolated=False)(IMAGES)[0].shape == (3, 10)
