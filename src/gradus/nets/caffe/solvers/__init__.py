"""Caffe's solvers: what changes the weights, and how much, from a SolverParameter message."""

from gradus.nets.caffe.solvers.descent import Descent
from gradus.nets.caffe.solvers.settings import SolverSettings
from gradus.nets.caffe.solvers.updates import UPDATES, Update

__all__ = ["UPDATES", "Descent", "SolverSettings", "Update"]
