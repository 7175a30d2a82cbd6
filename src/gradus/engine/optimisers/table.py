"""Which optimisers there are, by the name that the form shows."""

from __future__ import annotations

from collections.abc import Sequence

from gradus.core.errors import InputError
from gradus.core.model import TrainingOptions
from gradus.engine.optimisers.optimiser import Optimiser
from gradus.engine.optimisers.sgd import Sgd
from gradus.nets.network import ParameterSpec

OPTIMISERS: dict[str, type[Optimiser]] = {"sgd": Sgd}


def optimiser(parameters: Sequence[ParameterSpec], options: TrainingOptions) -> Optimiser:
    """The optimiser that the options name."""
    if not any(spec.lr_mult != 0 for spec in parameters):
        raise InputError(
            "The network has nothing to learn: every parameter has a learning-rate multiplier of 0.",
            field="network_text",
            hint="Give at least one layer an lr_mult above 0.",
        )
    try:
        kind = OPTIMISERS[options.solver]
    except KeyError:
        known = ", ".join(sorted(OPTIMISERS))
        raise InputError(f"There is no solver {options.solver!r}.", field="solver", hint=known) from None
    return kind(parameters, options)
