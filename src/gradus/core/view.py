"""What REST answers and the Python client returns: nouns put together for a reader.

Pages are made of the same objects, so that a page, a REST answer and a client never disagree.
"""

from __future__ import annotations

from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict, JsonValue, SerializeAsAny

from gradus.core.classification import ClassificationOptions
from gradus.core.dataset import BadFile, DatasetFacts, DatasetOptions, Split
from gradus.core.errors import Problem
from gradus.core.event import Event
from gradus.core.generic import GenericFacts, Presentation
from gradus.core.job import Job, Transition
from gradus.core.model import Point, Prediction, Preprocessing, Snapshot, TrainingOptions
from gradus.core.state import JobState

T = TypeVar("T")


class Page(BaseModel, Generic[T]):
    """A part of a list. `next` is the cursor of the following part, None on the last; `total` counts all parts."""

    model_config = ConfigDict(frozen=True)

    items: list[T]
    next: str | None = None
    total: int | None = None


class EventPage(BaseModel):
    """Events of one job after a sequence number; `next` is the `after` of the following request."""

    model_config = ConfigDict(frozen=True)

    events: list[Event]
    next: int
    job: Job


class JobView(BaseModel):
    """A job with its course."""

    model_config = ConfigDict(frozen=True)

    job: Job
    history: list[Transition] = []


class DatasetView(BaseModel):
    """A dataset: what was asked for, what was built (None until then), and the models that use it."""

    model_config = ConfigDict(frozen=True)

    job: Job
    options: ClassificationOptions | SerializeAsAny[DatasetOptions]
    facts: DatasetFacts | GenericFacts | None = None
    models: list[Job] = []
    history: list[Transition] = []


class KindView(BaseModel):
    """A kind of dataset that can be made here. `category` is the menu it stands in, `options` what it asks for.

    These are described as a JSON Schema, where that is asked for.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    title: str
    category: str
    summary: str = ""
    options: dict[str, JsonValue] = {}


class PluginView(BaseModel):
    """An installed plugin: the kinds of data that it provides, or the error with which it does not load."""

    model_config = ConfigDict(frozen=True)

    name: str
    distribution: str
    version: str
    kinds: list[str] = []
    error: str = ""


class ModelView(BaseModel):
    """A model: what was asked for and what there is of it so far. `latest` holds the last value of each series."""

    model_config = ConfigDict(frozen=True)

    job: Job
    options: TrainingOptions
    dataset: Job | None = None
    labels: list[str] = []
    preprocessing: Preprocessing | None = None
    snapshots: list[Snapshot] = []
    latest: dict[str, float | None] = {}
    history: list[Transition] = []
    seq: int = 0  # the last event this view includes; follow the job from there


class Series(BaseModel):
    """One scalar over the course of a training, thinned out to what a chart can show."""

    model_config = ConfigDict(frozen=True)

    name: str
    points: list[Point]


class MarkedClass(BaseModel):
    """A class that is marked. `colour` is "#rrggbb"; `share` is that of the pixels of a mask, `count` how often."""

    model_config = ConfigDict(frozen=True)

    number: int
    name: str
    colour: str
    share: float | None = None
    count: int | None = None


class BoxView(BaseModel):
    """A marked object, in pixels of the feature. One that is not `counted` is neither to be found nor missed."""

    model_config = ConfigDict(frozen=True)

    left: float
    top: float
    width: float
    height: float
    number: int
    name: str
    colour: str
    counted: bool = True


class LabelView(BaseModel):
    """What is to be learned of a sample, as it is shown; what a presentation has no use for is empty.

    `source` is the address of a mask or picture of `width` x `height`, or empty where there is none. A mask lies over
    its feature, a picture beside it. Of `count` values the first are given, with their `names` if they have any.
    """

    model_config = ConfigDict(frozen=True)

    presentation: Presentation
    boxes: list[BoxView] = []
    classes: list[MarkedClass] = []
    values: list[float] = []
    names: list[str] = []
    count: int = 0
    text: str = ""
    source: str = ""
    width: int = 0
    height: int = 0


class SampleView(BaseModel):
    """One record of a dataset's database, of `width` x `height`. Its picture is at `samples/{split}/{index}.png`.

    Of a classification dataset it has a class; of others `view` is its label.
    """

    model_config = ConfigDict(frozen=True)

    split: Split
    index: int
    label: int
    label_name: str = ""
    key: str
    width: int = 0
    height: int = 0
    view: LabelView | None = None


class PredictionResult(BaseModel):
    """The answer for one picture: a prediction, or the problem that prevented it.

    `picture` is what was read, drawn anew and small, as a `data:` address.
    """

    model_config = ConfigDict(frozen=True)

    input: str
    picture: str = ""
    prediction: Prediction | None = None
    problem: Problem | None = None


class JobCounts(BaseModel):
    """How many datasets and models there are in each state. States without any are left out."""

    model_config = ConfigDict(frozen=True)

    datasets: dict[JobState, int] = {}
    models: dict[JobState, int] = {}


class LogPart(BaseModel):
    """Whole lines of a worker's log: the bytes from `start` to `end` of `size`."""

    model_config = ConfigDict(frozen=True)

    text: str
    start: int
    end: int
    size: int


class FileEntry(BaseModel):
    """A file of a job, named relative to the job's folder."""

    model_config = ConfigDict(frozen=True)

    name: str
    bytes: int


class PreviewClass(BaseModel):
    """A class that a folder holds, and how many pictures it would give to each database.

    `count` is a lower bound where counting was not `complete`, as it takes long in very large folders.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    count: int
    complete: bool = True
    train: int = 0
    val: int = 0
    test: int = 0


class PreviewPicture(BaseModel):
    """One picture as the dataset would hold it. `source` is a PNG as a `data:` address; sizes are the original's."""

    model_config = ConfigDict(frozen=True)

    file: str
    label: str
    source: str
    width: int = 0
    height: int = 0


class Preview(BaseModel):
    """What a dataset would be made of: counted, and a few pictures brought to its size."""

    model_config = ConfigDict(frozen=True)

    classes: list[PreviewClass]
    class_count: int = 0  # of which the first 1,000 are listed
    left_out: list[str] = []  # classes under the minimum
    pictures: list[PreviewPicture] = []
    unknown: list[str] = []  # classes of the other folders that training lacks
    unreadable: list[BadFile] = []  # of the few that were tried


class ExampleSample(BaseModel):
    """One sample as the dataset would hold it. `picture` shows its feature, which has `width` x `height` pixels.

    Text has no picture. `size` is that of the original.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    picture: str = ""
    width: int = 0
    height: int = 0
    size: tuple[int, int] | None = None
    label: LabelView
    remarks: list[str] = []


class Example(BaseModel):
    """What a dataset of any kind but classification would be made of: `counts` of all samples, and a few of them.

    `marked` is what is marked in these few; `bad` are the first of `bad_count` files that cannot be used.
    """

    model_config = ConfigDict(frozen=True)

    counts: dict[Split, int]
    labels: list[str] = []
    samples: list[ExampleSample] = []
    marked: list[MarkedClass] = []
    bad: list[BadFile] = []
    bad_count: int = 0
    warnings: list[str] = []


class SentFile(BaseModel):
    """A file that was sent to the server. `reference` stands in a dataset's options where a path would."""

    model_config = ConfigDict(frozen=True)

    reference: str
    bytes: int


class PathEntry(BaseModel):
    """One completion of a path that is being typed."""

    model_config = ConfigDict(frozen=True)

    path: str
    folder: bool


class Device(BaseModel):
    """Something to train on. Bytes are None where the system does not tell."""

    model_config = ConfigDict(frozen=True)

    id: str  # "cpu", "cuda:0"
    name: str
    memory_total: int | None = None
    memory_used: int | None = None
    utilisation: float | None = None  # 0 to 1
    temperature: float | None = None  # degrees Celsius
    job_id: str | None = None


class Machine(BaseModel):
    """The computer the server runs on. Sizes in bytes, `processor` from 0 to 1."""

    model_config = ConfigDict(frozen=True)

    cores: int
    processor: float | None = None
    memory_total: int
    memory_used: int
    disk_total: int
    disk_free: int


class NewToken(BaseModel):
    """A token that was just made: the one time its secret is told. `id` names it later."""

    model_config = ConfigDict(frozen=True)

    token: str
    name: str = ""
    id: str = ""


class TokenView(BaseModel):
    """An API token, without its secret."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    created: float
    used: float | None = None


class SystemView(BaseModel):
    """The server about itself: what `gradus doctor` and the system page show."""

    model_config = ConfigDict(frozen=True)

    version: str
    python: str
    platform: str
    started: float
    home: str
    data_roots: list[str]
    auth: str  # "token" or "none"
    engine_ready: bool  # whether the warm engine host answers
    machine: Machine
    devices: list[Device]
    jobs: JobCounts


class ServerInfo(BaseModel):
    """Who holds a home folder: the content of `server.json`."""

    model_config = ConfigDict(frozen=True)

    pid: int
    url: str
    kind: str  # "server", or "command" while a command hosts the scheduler for itself
    started: float
