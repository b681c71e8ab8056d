"""The types of the arrays that travel between the rooms: images, labels and scores."""

import numpy as np
import numpy.typing as npt

Uint8Array = npt.NDArray[np.uint8]
Int64Array = npt.NDArray[np.int64]
EVALUATION_BATCH = 200  # images a call, to get many answered: what deep networks make of them fits in the caches
Images = npt.NDArray[np.uint8]
Scores = npt.NDArray[np.float32]
