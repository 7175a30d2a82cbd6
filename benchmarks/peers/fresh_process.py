"""A training script from the shell: imports, loads, and runs one iteration."""

from __future__ import annotations

import sys

import numpy as np

from benchmarks.peers.plain_pytorch import PlainPyTorch

if __name__ == "__main__":
    with np.load(sys.argv[1]) as arrays:
        PlainPyTorch(arrays["images"], arrays["labels"]).train(1)
