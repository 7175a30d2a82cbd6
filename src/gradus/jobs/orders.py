"""What the server and the engine host say to each other over their socket."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from gradus.core.dataset import Split
from gradus.core.network import NetworkInput, Phase

MESSAGE_BYTES = 64 << 10  # orders are small: whatever can be large goes over a socket of its own


class Order(BaseModel):
    """From the server: fork a worker for a folder, a child for a question or for predictions, or end such a child.

    For a question and a predictor the socket to talk to the child over comes with the order.
    """

    model_config = ConfigDict(frozen=True)

    number: int
    do: Literal["worker", "question", "predictor", "kill"]
    folder: str = ""
    nonce: str = ""
    threads: int = 0
    snapshot: str | None = None
    device: str = "cpu"
    pid: int = 0


class Answer(BaseModel):
    """From the host: the process that was forked for order `number`, or, with number 0, a piece of news."""

    model_config = ConfigDict(frozen=True)

    number: int = 0
    pid: int = 0
    start_time: int = 0
    ready: bool = False
    exited: int = 0  # the number of a process that ended
    problem: str = ""


class NetworkQuestion(BaseModel):
    """What does this network look like? Answered by a `Graph`, or by a `NetworkError`.

    Where not `strict`, what cannot be trained is drawn all the same if it can be.
    """

    model_config = ConfigDict(frozen=True)

    asks: Literal["network"] = "network"
    text: str
    python_layers: str = ""
    given: NetworkInput
    phase: Phase = "train"
    strict: bool = True


class EvaluationQuestion(BaseModel):
    """How good is this model on one split of its dataset? Answered by an `Evaluation`."""

    model_config = ConfigDict(frozen=True)

    asks: Literal["evaluation"] = "evaluation"
    model: str  # folders
    dataset: str
    split: Split
    snapshot: str | None
    device: str = "cpu"


Question = Annotated[NetworkQuestion | EvaluationQuestion, Field(discriminator="asks")]
QUESTION: TypeAdapter[Question] = TypeAdapter(Question)
