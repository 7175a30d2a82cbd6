"""What a solver keeps and goes on from: `P_iter_N.caffemodel` and `P_iter_N.solverstate`, or both as HDF5.

Each file is there whole or not at all, and the state, which names the weights, comes second.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from gradus.core.errors import InputError
from gradus.nets.caffe.files.states import read_state, write_state
from gradus.nets.caffe.layers.batch import BatchNorm
from gradus.nets.caffe.net import Net
from gradus.nets.caffe.solvers import policies
from gradus.nets.caffe.solvers.descent import Descent
from gradus.nets.caffe.solvers.lines import Log

HDF5 = 0  # SolverParameter.SnapshotFormat


def write(net: Net, descent: Descent, iteration: int, param: Any, log: Log) -> Path:
    """Write the weights, then the state; gives the weights' file."""
    hdf5 = param.snapshot_format == HDF5
    ending, words = (".h5", "HDF5") if hdf5 else ("", "binary proto")
    stem = f"{param.snapshot_prefix}_iter_{iteration}"
    model, state = Path(f"{stem}.caffemodel{ending}"), Path(f"{stem}.solverstate{ending}")
    log("solver.cpp:457" if hdf5 else "solver.cpp:447", f"Snapshotting to {words} file {model}")
    net.save(model, "nvidia" if _has_own_scale(net) else "bvlc")
    log("sgd_solver.cpp:283" if hdf5 else "sgd_solver.cpp:273", f"Snapshotting solver state to {words} file {state}")
    history = [blob.detach().cpu().numpy() for blob in descent.update.history()]
    write_state(state, iteration, str(model), history, policies.current_step(descent.settings, iteration))
    return model


def _has_own_scale(net: Net) -> bool:
    """Whether a BatchNorm is NVIDIA's: only that dialect gives it back as it was."""
    return any(isinstance(layer, BatchNorm) and layer.affine for layer in net.layers.values())


def restore(path: Path, net: Net, descent: Descent, log: Log) -> int:
    """Take over a state and its weights; gives the iteration.

    The weights are where the state says, as in Caffe; where nothing is, they are looked for beside the state.
    """
    state = read_state(path)
    if state.learned_net:
        model = Path(state.learned_net)
        net.copy_from(model if model.exists() else path.parent / model.name)
    log("sgd_solver.cpp:318", "SGDSolver: restoring history")
    history = [torch.from_numpy(np.array(blob.read(), np.float32)) for blob in state.history]
    descent.update.load_history(history, state.iteration)
    return state.iteration


def check_prefix(prefix: str, source: str) -> None:
    """Refuse before the training what would fail at its first snapshot."""
    folder = Path(prefix).parent
    if not folder.is_dir():
        raise InputError(
            f"Cannot write to snapshot prefix '{prefix}': there is no folder {folder}", field="snapshot_prefix",
            file=source, hint="Make the folder, or start in the one that the path is meant from.",
        )  # fmt: skip
