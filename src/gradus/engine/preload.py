"""Importing this loads all that training and predicting import, also what they would import only when used.

For a host that forks workers: what it has loaded a worker has at once. Nothing is computed here, because
threads that PyTorch starts with its first operation would not survive a fork.
"""

import safetensors.torch  # noqa: F401
import torch
import torch._dynamo  # the first optimiser imports it: more than a second
import torch.optim  # noqa: F401

import gradus.nets.caffe.compile
import gradus.nets.caffe.solvers.form
import gradus.zoo  # noqa: F401
