"""Snapshots with their tensors: everything that going on bit for bit needs.

Weights and the solver's history are safetensors; the rest is state.json. The order of pictures, crops and flips
need no state: they follow from the seed and the step (streams.py). What does have state is the
generator that dropout and noise layers draw from, so its bytes are kept.
"""

from __future__ import annotations

import base64
from pathlib import Path

import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from gradus.core.errors import ConflictError
from gradus.core.model import Precision, Snapshot
from gradus.engine import snapshot_files as files
from gradus.nets.caffe.solvers.updates import Update
from gradus.nets.network import Network


class TrainingState(BaseModel):
    """How to go on after `step` finished iterations. The content of state.json."""

    model_config = ConfigDict(frozen=True)

    format: int = 1
    step: int
    epoch: float
    seed: int
    learning_rate: float  # of the last step; older snapshots have their history over it
    precision: Precision
    train_count: int  # with the next two and the seed: which pictures come next
    batch_size: int
    accumulation: int = 1
    validated: bool = False  # whether the validation due at this step has been done
    random: str = ""  # PyTorch's generator on the processor, base64
    random_cuda: str = ""  # and on the GPU
    torch: str = torch.__version__


def write_snapshot(
    model: Path,
    network: Network,
    update: Update,
    state: TrainingState,
    *,
    metrics: dict[str, float | None],
    passing: bool = False,
) -> Snapshot:
    """Write one snapshot; `passing` ones only guard against a crash and go when the next is complete."""
    with files.writing(model, epoch=state.epoch, step=state.step, metrics=metrics, passing=passing) as draft:
        draft.add(files.WEIGHTS, _bytes(network.state()))
        draft.add(files.OPTIMISER, _bytes(update.state()))
        draft.add(files.STATE, state.model_dump_json(indent=1).encode())
    files.thin(model)
    return next(s for s in reversed(files.list_snapshots(model)) if s.step == state.step)


def load_weights(model: Path, name: str, network: Network) -> None:
    """Fill the network from a snapshot. Raises ConflictError where the file is not what it should be."""
    network.load(_tensors(files.snapshot_folder(model, name) / files.WEIGHTS))


def read_state(model: Path, snapshot: Snapshot) -> TrainingState:
    """What a snapshot says of the training it was taken from."""
    path = files.snapshot_folder(model, snapshot.name) / files.STATE
    try:
        return TrainingState.model_validate_json(path.read_bytes())
    except (ValidationError, OSError) as error:
        raise ConflictError(
            f"The snapshot {snapshot.name} cannot be resumed: {files.STATE} does not say what it must.",
            file=str(path),
            hint="Delete its folder to resume from the one before it.",
        ) from error


def restore(model: Path, snapshot: Snapshot, state: TrainingState, network: Network, update: Update) -> bool:
    """Put network, history and random generators back. False where the history is no longer kept."""
    load_weights(model, snapshot.name, network)
    history = files.snapshot_folder(model, snapshot.name) / files.OPTIMISER
    kept = history.exists()
    update.load(_tensors(history) if kept else {}, state.step)
    _set_random_state(state)
    return kept


def random_state(device: torch.device) -> dict[str, str]:
    """The state of PyTorch's generators, as fields of a TrainingState."""
    states = {"random": _encoded(torch.get_rng_state())}
    if device.type == "cuda":
        states["random_cuda"] = _encoded(torch.cuda.get_rng_state(device))
    return states


def _set_random_state(state: TrainingState) -> None:
    """Set PyTorch's generators back."""
    if state.random:
        torch.set_rng_state(_decoded(state.random))
    if state.random_cuda and torch.cuda.is_available():
        torch.cuda.set_rng_state(_decoded(state.random_cuda))


def _bytes(tensors: dict[str, Tensor]) -> bytes:
    """safetensors wants plain order in memory; channels_last comes back when the values are copied in."""
    return save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()})


def _tensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise ConflictError(
            f"{path.name} of the snapshot {path.parent.name} cannot be read: {error}.",
            file=str(path),
            hint="Choose another snapshot.",
        ) from error


def _encoded(state: Tensor) -> str:
    return base64.b64encode(state.numpy().tobytes()).decode("ascii")


def _decoded(text: str) -> Tensor:
    return torch.frombuffer(bytearray(base64.b64decode(text)), dtype=torch.uint8)
