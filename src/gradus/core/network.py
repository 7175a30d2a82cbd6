"""A network as something that can be drawn."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from gradus.core.errors import Problem

Phase = Literal["train", "val", "deploy"]


class NetworkInput(BaseModel):
    """What a network is compiled for. `classes` fills the outputs that the text leaves open."""

    model_config = ConfigDict(frozen=True)

    width: int
    height: int
    channels: int
    classes: int
    batch_size: int | None = None
    crop_size: int | None = None


class Node(BaseModel):
    """A layer. Shapes are those of its outputs, with the batch first; `line` counts from 1."""

    model_config = ConfigDict(frozen=True)

    name: str
    type: str
    inputs: list[str]  # blob names
    outputs: list[str]
    shapes: list[list[int]]
    parameters: int
    multiply_adds: int
    line: int | None
    settings: dict[str, str] = {}  # what the text sets, for a tooltip: {"kernel_size": "5"}


class Edge(BaseModel):
    model_config = ConfigDict(frozen=True)

    source: str  # node name
    target: str
    blob: str
    shape: list[int]


class Graph(BaseModel):
    """One phase of a network. Nodes are in the order in which they run.

    `problem` says why a text that can be drawn cannot be trained on the dataset it was drawn for.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    phase: Phase
    nodes: list[Node]
    edges: list[Edge]
    inputs: list[str]
    outputs: list[str]
    parameters: int
    multiply_adds: int
    batch_size: int
    problem: Problem | None = None


class NetworkEntry(BaseModel):
    """A ready network of the zoo. Width, height and channels are those it was made for."""

    model_config = ConfigDict(frozen=True)

    id: str
    title: str
    paper: str
    year: int
    width: int
    height: int
    channels: int
    summary: str
    text: str
