"""A model: how it is to be trained, and what came of it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from gradus.core.dataset import Group, Name, ResizeMode, Seed

Positive = Annotated[float, Field(gt=0, le=1e30, allow_inf_nan=False)]
Interval = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]


class LearningRatePolicy(StrEnum):
    FIXED = "fixed"
    STEP = "step"


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
    solver: Literal["sgd"] = Field(
        "sgd", title="Solver type", description="Stochastic gradient descent with momentum, as Caffe computes it."
    )
    learning_rate: Positive = Field(
        0.01, title="Base Learning Rate", description="At the start, before the policy lowers it."
    )
    policy: LearningRatePolicy = Field(
        LearningRatePolicy.STEP, title="Policy", description="How the learning rate falls while training."
    )
    step_percent: float = Field(
        33,
        gt=0,
        le=100,
        allow_inf_nan=False,
        title="Step Size",
        description="In percent of the training, for the step policy.",
    )
    gamma: Positive = Field(0.1, title="Gamma", description="The rate is multiplied by it at each step.")
    momentum: float = Field(0.9, ge=0, lt=1, allow_inf_nan=False, title="Momentum", description="0 to 1.")
    weight_decay: float | None = Field(
        None,
        ge=0,
        le=1,
        allow_inf_nan=False,
        title="Weight decay",
        description="Empty: a hundredth of the learning rate, as DIGITS did.",
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

    @property
    def decay(self) -> float:
        """The weight decay in use: what was asked for, else a hundredth of the learning rate (DIGITS' rule)."""
        return self.learning_rate / 100 if self.weight_decay is None else self.weight_decay


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
