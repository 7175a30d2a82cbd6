"""A model: how it is to be trained, and what came of it."""

from __future__ import annotations

import itertools
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from gradus.core.dataset import Group, Name, ResizeMode, Seed
from gradus.core.solvers import POLICIES, SETTINGS, SOLVERS, LearningRatePolicy, SolverType, own_values

Positive = Annotated[float, Field(gt=0, le=1e30, allow_inf_nan=False)]
Interval = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]
Fading = Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)]  # what is kept of an average at each step
MOST_STEPS = 100


class MeanKind(StrEnum):
    """What is subtracted from every picture."""

    IMAGE = "image"  # the mean picture of the training set
    PIXEL = "pixel"  # its mean colour
    NONE = "none"


class Precision(StrEnum):
    AUTO = "auto"  # bfloat16 where the processor or GPU computes with it
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"


class TrainingOptions(BaseModel):
    """A classification model: a network, a dataset and how to train the one on the other."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    type: Literal["classification"] = "classification"
    name: Name = Field(title="Model Name", description="How it is listed.")
    group: Group = Field("", title="Group Name", description="Jobs of one group are listed together.")
    dataset: str = Field(
        min_length=1,
        max_length=64,
        title="Dataset",
        description="It may still be building: training starts when it is done.",
    )
    network: str = Field(
        "lenet", max_length=64, title="Network", description="A standard network, or `custom` with a text of your own."
    )
    network_text: Annotated[str, StringConstraints(strip_whitespace=False)] = Field(  # lines are counted in it
        "", max_length=4 * 2**20, title="Custom network", description="Caffe prototxt, all phases in one."
    )
    python_layers: Annotated[str, StringConstraints(strip_whitespace=False)] = Field(
        "",
        max_length=2**20,
        title="Python layers",
        description="Code of the network's layers of type Python, which names it as module digits_python_layers.",
    )
    epochs: int = Field(
        30, ge=1, le=10**6, title="Training epochs", description="How often every training picture is seen."
    )
    snapshot_interval: Interval = Field(
        1, title="Snapshot interval (in epochs)", description="Fractions are fine; 0 keeps only the last."
    )
    validation_interval: Interval = Field(
        1, title="Validation interval (in epochs)", description="Fractions are fine; 0 validates never."
    )
    seed: Seed | None = Field(None, title="Random seed", description="Empty: a new one, recorded with the model.")
    batch_size: int | None = Field(
        None, ge=1, le=10**6, title="Batch size", description="Empty: what the network proposes."
    )
    batch_accumulation: int = Field(
        1,
        ge=1,
        le=10**4,
        title="Batch Accumulation",
        description="Batches whose gradients are added up for one update: a larger batch in the memory of a small one.",
    )
    solver: SolverType = Field(SolverType.SGD, title="Solver type", description="How the weights are changed.")
    learning_rate: Positive | None = Field(
        None,
        title="Base Learning Rate",
        description=f"At the start, before the policy lowers it. {own_values('learning_rate')}",
    )
    momentum: Fading | None = Field(
        None, title="Momentum", description=f"What is kept of earlier steps. {own_values('momentum')}"
    )
    momentum2: Fading | None = Field(
        None, title="Momentum 2", description=f"What is kept of earlier squared gradients. {own_values('momentum2')}"
    )
    rms_decay: Fading | None = Field(
        None,
        title="RMS decay value",
        description=f"What is kept of earlier squared gradients. {own_values('rms_decay')}",
    )
    delta: Positive | None = Field(
        None, title="Delta", description=f"Keeps divisions from a zero denominator. {own_values('delta')}"
    )
    policy: LearningRatePolicy = Field(
        LearningRatePolicy.STEP, title="Policy", description="How the learning rate falls while training."
    )
    step_percent: Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)] | None = Field(
        None, title="Step Size", description=f"In percent of the training. {own_values('step_percent')}"
    )
    step_values: Annotated[str, StringConstraints(max_length=1000)] | None = Field(
        None, title="Step Values", description=f"In percent of the training, rising. {own_values('step_values')}"
    )
    gamma: Positive | None = Field(
        None, title="Gamma", description=f"How much the rate falls, as the policy has it. {own_values('gamma')}"
    )
    power: Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)] | None = Field(
        None, title="Power", description=f"How steeply the rate falls. {own_values('power')}"
    )
    weight_decay: float | None = Field(
        None,
        ge=0,
        le=1,
        allow_inf_nan=False,
        title="Weight decay",
        description="Empty: a hundredth of the learning rate, as DIGITS did; 0.0005 for adadelta.",
    )
    regularisation: Literal["L2", "L1"] = Field(
        "L2", title="Regularisation", description="What weight decay pulls at: squared weights, or their sizes."
    )
    clip_gradients: Positive | None = Field(
        None, title="Clip gradients", description="The largest norm of all gradients together. Empty: not clipped."
    )
    mean: MeanKind = Field(MeanKind.IMAGE, title="Subtract Mean", description="What is subtracted from every picture.")
    crop_size: int | None = Field(
        None,
        ge=1,
        le=8192,
        title="Crop Size",
        description="Random square in training, centre in validation. Empty: the network's own.",
    )
    precision: Precision = Field(
        Precision.AUTO, title="Precision", description="bfloat16 is faster where the hardware has it; float32 is exact."
    )
    device: str = Field(
        "auto", pattern=r"auto|cpu|cuda:[0-9]{1,3}", title="Device",
        description="The next free GPU (or the processor where there is none), the processor, or one GPU.",
    )  # fmt: skip

    @field_validator("step_values")
    @classmethod
    def _percentages(cls, text: str | None) -> str | None:
        if text is not None:
            steps_of(text)
        return text

    def used(self) -> dict[str, float | str]:
        """The settings of the chosen solver and policy: what was given, else their own."""
        own = {**SOLVERS[self.solver].settings, **POLICIES[self.policy].settings}
        return {name: value if (given := getattr(self, name)) is None else given for name, value in own.items()}

    def unused(self) -> list[str]:
        """The settings that were given although neither the solver nor the policy has them."""
        used = self.used()
        return [name for name in SETTINGS if name not in used and getattr(self, name) is not None]

    @property
    def decay(self) -> float:
        """The weight decay in use: what was asked for, else the solver's own."""
        if self.weight_decay is not None:
            return self.weight_decay
        own = SOLVERS[self.solver].weight_decay
        return float(self.used()["learning_rate"]) / 100 if own is None else own


def steps_of(text: str) -> list[float]:
    """The percentages of `step_values`; a ValueError says what they must be."""
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        values = []
    rising = all(low < high for low, high in itertools.pairwise([0.0, *values]))
    if not values or len(values) > MOST_STEPS or not rising or not values[-1] <= 100:
        raise ValueError("must be percentages in rising order, such as 50,85")
    return values


class Preprocessing(BaseModel):
    """What is done to a picture before the network sees it, recorded with the model.

    Pictures become (channels, height, width) floats 0 to 255 in BGR or gray order, minus the mean,
    cropped to the centre `crop_size` square if one is set, times `scale`.
    """

    model_config = ConfigDict(frozen=True)

    width: int
    height: int
    channels: Literal[1, 3]
    resize_mode: ResizeMode
    mean: MeanKind
    mean_pixel: list[float]
    crop_size: int | None = None
    scale: float = 1.0


class Snapshot(BaseModel):
    """Weights at one moment of a training. `name` is its folder under `snapshots/`."""

    model_config = ConfigDict(frozen=True)

    name: str
    epoch: float
    step: int
    bytes: int
    metrics: dict[str, float | None] = {}


class Point(BaseModel):
    """One value of one series. A value that is not finite is None and leaves a gap in the chart."""

    model_config = ConfigDict(frozen=True)

    step: int
    epoch: float
    value: float | None
    time: float | None = None  # Unix seconds, where it is known


class ClassScore(BaseModel):
    model_config = ConfigDict(frozen=True)

    label: str
    index: int
    probability: float


class Prediction(BaseModel):
    """What a model says of one picture: classes, the most probable first."""

    model_config = ConfigDict(frozen=True)

    input: str
    classes: list[ClassScore]
    snapshot: str
    epoch: float
    milliseconds: float


class Evaluation(BaseModel):
    """A model measured on one split. `confusion[i][j]` counts samples of class i taken for class j."""

    model_config = ConfigDict(frozen=True)

    split: str
    snapshot: str
    count: int
    loss: float | None = None
    top1: float
    top5: float
    labels: list[str]
    confusion: list[list[int]]
