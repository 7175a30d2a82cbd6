"""`gradus caffe train`: Caffe's training loop with its flags, log and signals."""

from __future__ import annotations

from pathlib import Path

from gradus.engine.caffe.device import device_of
from gradus.engine.caffe.flags import Given, UsageError
from gradus.engine.caffe.log import Log
from gradus.engine.caffe.signals import Signals
from gradus.engine.threads import threads_for
from gradus.nets.caffe.solvers.scaffold import read_solver
from gradus.nets.caffe.solvers.solver import Solver

GPU = 1  # SolverParameter.SolverMode


def run(given: Given, log: Log) -> None:
    """Train as the solver's text says."""
    path = given.need("solver", "Need a solver definition to train.")
    if given.snapshot and given.weights:
        raise UsageError(
            "Give a snapshot to resume training or weights to finetune but not both.", field="--snapshot",
            hint="A snapshot names the weights that belong to it.",
        )  # fmt: skip
    signals = Signals(given.sigint_effect, given.sighup_effect)
    param = read_solver(Path(path))
    param.train_state.level = given.level
    param.train_state.stage.extend(given.listed("stage"))
    asked = param.HasField("solver_mode") and param.solver_mode == GPU
    device = device_of(given, log, default=param.device_id if asked else None)
    if given.snapshot or given.weights:
        param.ClearField("weights")
    if given.weights:
        param.weights.append(given.weights)
    log("solver.cpp:44", f"Initializing solver from parameters: \n{param}")
    solver = Solver(param, source=path, device=device, log=log, asked=signals.asked)
    try:
        with signals, threads_for(_multiply_adds(solver)):
            if given.snapshot:
                log("caffe.cpp:242", f"Resuming from {given.snapshot}")
                solver.restore(given.snapshot)
            log("caffe.cpp:248", "Starting Optimization")
            solver.solve()
            log("caffe.cpp:259", "Optimization Done.")
    finally:
        solver.close()


def _multiply_adds(solver: Solver) -> int:
    """Of one forward pass over a batch."""
    return sum(placed.layer.multiply_adds(placed.bottom_shapes, placed.top_shapes) for placed, _ in solver.net.calls)
