"""The images that static quantization is calibrated on: from the training split, never from the test split."""

import hashlib
from pathlib import Path

import numpy as np
import onnx
from onnx import helper

from edgedigits.data.dataset import Dataset
from edgedigits.data.load import trained_on
from edgedigits.records.arrays import Images, Uint8Array
from edgedigits.records.artifact import Calibration
from edgedigits.records.model import Checkpoint

SAMPLES = 500
SEED = 0
PRODUCTS = ("Conv", "Gemm")
BATCH = 100  # images whose activations are in memory at a time


def calibration_images(
    checkpoint: Checkpoint, dataset: Dataset | None = None, data_dir: Path | None = None
) -> Uint8Array:
    """Training images `[n, 28, 28]` of the data set that a model was trained on, always the same ones.

    dataset    that data set, where it is in memory already; else it is loaded from where the checkpoint says
    data_dir   where published data sets lie, if not in the default place

    Raises DataError when it is missing, or is not the one that the model was trained on.
    """
    return choose(trained_on(checkpoint, dataset, data_dir))


def choose(dataset: Dataset) -> Uint8Array:
    """Up to SAMPLES images `[n, 28, 28]` of the training split, chosen by a fixed seed, in their own order."""
    count = len(dataset.train)
    chosen = np.random.default_rng(SEED).choice(count, min(SAMPLES, count), replace=False)
    return dataset.train.images[np.sort(chosen)]


def describe(chosen: Uint8Array) -> Calibration:
    """How many images these are, and the SHA-256 of their bytes, for the manifest."""
    return Calibration(len(chosen), hashlib.sha256(np.ascontiguousarray(chosen).tobytes()).hexdigest())


def activation_ranges(model: onnx.ModelProto, images: Images) -> dict[str, tuple[float, float]]:
    """The smallest and the largest value of each input and output of a product, over all images."""
    import onnxruntime

    products = [node for node in model.graph.node if node.op_type in PRODUCTS]
    names = sorted({name for node in products for name in (node.input[0], node.output[0])})
    probe = onnx.ModelProto()
    probe.CopyFrom(model)
    del probe.graph.output[:]
    probe.graph.output.extend(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in names)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # sums in the same order everywhere
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(probe.SerializeToString(), options, providers=["CPUExecutionProvider"])
    seen = []
    for start in range(0, len(images), BATCH):
        values = session.run(names, {model.graph.input[0].name: images[start : start + BATCH]})
        seen.append([(value.min(), value.max()) for value in values])
    extremes = np.array(seen, dtype=np.float64)  # (batches, names, 2)
    return {
        name: (float(low), float(high))
        for name, low, high in zip(names, extremes[..., 0].min(axis=0), extremes[..., 1].max(axis=0), strict=True)
    }
