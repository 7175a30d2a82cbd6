"""A plain PyTorch loop as tutorials write it: Dataset, DataLoader, a transform for each sample, loss.item().

The network is Caffe's LeNet, as `gradus.zoo` has it, so that both do the same arithmetic.
"""

from __future__ import annotations

import time

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset

BATCH = 64


class Digits(Dataset[tuple[torch.Tensor, int]]):
    """Pictures in memory; each is made a PIL image, a tensor, and normalised, when it is asked for."""

    def __init__(self, images: np.ndarray, labels: np.ndarray) -> None:
        self.images = images
        self.labels = labels

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        picture = Image.fromarray(self.images[index])
        tensor = torch.from_numpy(np.array(picture, dtype=np.uint8)).unsqueeze(0).float().div(255)
        return (tensor - 0.1307) / 0.3081, int(self.labels[index])


def lenet() -> nn.Module:
    """Caffe's LeNet for 28 x 28 gray pictures and ten classes."""
    return nn.Sequential(
        nn.Conv2d(1, 20, 5), nn.MaxPool2d(2), nn.Conv2d(20, 50, 5), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(800, 500), nn.ReLU(), nn.Linear(500, 10),
    )  # fmt: skip


class PlainPyTorch:
    """A network, an optimiser and two loaders."""

    def __init__(self, images: np.ndarray, labels: np.ndarray) -> None:
        torch.manual_seed(1)
        self.net = lenet()
        self.optimiser = torch.optim.SGD(self.net.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)
        self.loss = nn.CrossEntropyLoss()
        data = Digits(images, labels)
        self.training = DataLoader(data, batch_size=BATCH, shuffle=True)
        self.validation = DataLoader(data, batch_size=BATCH)

    def train(self, batches: int) -> float:
        """Samples per second over so many batches."""
        self.net.train()
        start, seen, running = time.perf_counter(), 0, 0.0
        for number, (images, labels) in enumerate(self.training):
            if number == batches:
                break
            self.optimiser.zero_grad()
            loss = self.loss(self.net(images), labels)
            loss.backward()
            self.optimiser.step()
            running += loss.item()
            seen += len(labels)
        return seen / (time.perf_counter() - start)

    def validate(self) -> float:
        """Samples per second over the whole set."""
        self.net.eval()
        start, right, total = time.perf_counter(), 0, 0.0
        with torch.no_grad():
            for images, labels in self.validation:
                scores = self.net(images)
                total += self.loss(scores, labels).item()
                right += int((scores.argmax(1) == labels).sum())
        return len(self.validation.dataset) / (time.perf_counter() - start)  # type: ignore[arg-type]
