"""The promises that only the real MNIST can keep. Skipped where it is missing, but never in CI."""

import subprocess
import sys
from pathlib import Path

import pytest

from edgedigits import train
from edgedigits.bench.figures import find_figures
from edgedigits.data.dataset import Dataset
from edgedigits.models import metrics
from tests.helpers import TUTORIALS

PUBLISHED = {  # test accuracy that the tutorial's recipe must reach with seed 0, within the interval of one run
    ("fc", "mnist"): 0.925,
    ("fc-28", "fashion"): 0.81,
    ("fc-28", "mnist"): 0.935,
    ("fc-deep", "mnist"): 0.9784,
    ("cnn", "mnist"): 0.982,
    ("cnn-deep", "mnist"): 0.982,
}
OURS = {"fc": 0.975, "cnn": 0.988}


def test_the_data_set_is_whole(mnist: Dataset) -> None:
    assert mnist.train.images.shape == (60_000, 28, 28)
    assert mnist.test.images.shape == (10_000, 28, 28)
    assert mnist.test.labels[:5].tolist() == [7, 2, 1, 0, 4]


def test_the_fc_tutorial_reaches_what_it_claims(mnist: Dataset, tmp_path: Path) -> None:
    run = train("fc", mnist, recipe="tutorial", runs=tmp_path, device="cpu")
    assert run.metrics.test_accuracy >= PUBLISHED["fc", "mnist"]


@pytest.mark.parametrize(("model", "dataset"), PUBLISHED)
def test_the_measured_tutorials_reached_what_they_claim(model: str, dataset: str) -> None:
    found = find_figures(model, "tutorial", dataset)
    assert found is not None
    assert found.seeds == (0,)
    _, upper = metrics.wilson(round(10_000 * found.mean), 10_000)  # one run reaches a claim within its 95% interval
    assert upper >= PUBLISHED[model, dataset]


def test_the_measured_fc_deep_tutorial_reached_its_training_accuracy() -> None:
    found = find_figures("fc-deep", "tutorial")
    assert found is not None
    assert found.train_accuracy[0] >= 0.9952


@pytest.mark.parametrize("model", TUTORIALS)
def test_every_default_recipe_was_measured_on_several_seeds(model: str) -> None:
    found = find_figures(model, "default")
    tutorial = find_figures(model, "tutorial")
    assert found is not None
    assert tutorial is not None
    assert len(found.seeds) >= 3
    assert min(found.test_accuracy) >= OURS.get(model, 0)
    assert found.mean > tutorial.mean


READER = """
import json, os, struct, sys
import numpy as np
import onnxruntime

def read(name):
    path = os.path.join(os.environ["EDGEDIGITS_DATA"], "MNIST", "raw", name)
    content = open(path, "rb").read()
    rank = content[3]
    return np.frombuffer(content, np.uint8, offset=4 + 4 * rank).reshape(struct.unpack_from(f">{rank}I", content, 4))

session = onnxruntime.InferenceSession(sys.argv[1])
labels = json.loads(session.get_modelmeta().custom_metadata_map["edgedigits.contract"])["labels"]
logits, probabilities = session.run(["logits", "probabilities"], {"image": read("t10k-images-idx3-ubyte")})
answers = np.array(labels)[logits.argmax(1)]
print((answers == read("t10k-labels-idx1-ubyte").astype(str)).mean())
assert "edgedigits" not in sys.modules and "torch" not in sys.modules
"""


def accuracy_in_a_foreign_program(path: Path) -> float:
    """Accuracy over the raw test images of a program that knows onnxruntime and numpy alone."""
    done = subprocess.run([sys.executable, "-c", READER, path], check=True, capture_output=True, text=True)
    return float(done.stdout)
