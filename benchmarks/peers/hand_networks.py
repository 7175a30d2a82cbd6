"""Three networks as one writes them by hand in PyTorch, layer for layer what their prototxts say.

`forward(images)` gives the scores, `loss(images, labels)` what is learned from. Modules stand in the order of the
text, so that `parameters()` of both can be paired.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

CLASSES = 1000


class AlexNet(nn.Module):
    """Two groups, local response normalisation, dropout (Krizhevsky et al. 2012)."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 96, 11, 4), nn.ReLU(True), nn.LocalResponseNorm(5, 1e-4, 0.75), nn.MaxPool2d(3, 2),
            nn.Conv2d(96, 256, 5, padding=2, groups=2), nn.ReLU(True), nn.LocalResponseNorm(5, 1e-4, 0.75),
            nn.MaxPool2d(3, 2),
            nn.Conv2d(256, 384, 3, padding=1), nn.ReLU(True),
            nn.Conv2d(384, 384, 3, padding=1, groups=2), nn.ReLU(True),
            nn.Conv2d(384, 256, 3, padding=1, groups=2), nn.ReLU(True), nn.MaxPool2d(3, 2),
        )  # fmt: skip
        self.classifier = nn.Sequential(
            nn.Linear(9216, 4096), nn.ReLU(True), nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU(True), nn.Dropout(),
            nn.Linear(4096, CLASSES),
        )  # fmt: skip

    def forward(self, images: Tensor) -> Tensor:
        return self.classifier(self.features(images).flatten(1))

    def loss(self, images: Tensor, labels: Tensor) -> Tensor:
        return functional.cross_entropy(self(images), labels)


def _conv(inputs: int, outputs: int, kernel: int, **more: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, kernel, **more), nn.ReLU(True))  # type: ignore[arg-type]


class Inception(nn.Module):
    """Four branches, side by side."""

    def __init__(self, inputs: int, one: int, less: int, three: int, fewer: int, five: int, pool: int) -> None:
        super().__init__()
        self.one = _conv(inputs, one, 1)
        self.three = nn.Sequential(_conv(inputs, less, 1), _conv(less, three, 3, padding=1))
        self.five = nn.Sequential(_conv(inputs, fewer, 1), _conv(fewer, five, 5, padding=2))
        self.pool = nn.Sequential(nn.MaxPool2d(3, 1, 1), _conv(inputs, pool, 1))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.one(x), self.three(x), self.five(x), self.pool(x)], 1)


class Auxiliary(nn.Module):
    """A classifier in the middle of GoogLeNet, for training."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(nn.AvgPool2d(5, 3, ceil_mode=True), _conv(inputs, 128, 1), nn.Flatten())
        self.scores = nn.Sequential(nn.Linear(2048, 1024), nn.ReLU(True), nn.Dropout(0.7), nn.Linear(1024, CLASSES))

    def forward(self, x: Tensor) -> Tensor:
        return self.scores(self.conv(x))


class GoogLeNet(nn.Module):
    """Nine inception modules and two auxiliary classifiers (Szegedy et al. 2014)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            _conv(3, 64, 7, stride=2, padding=3), nn.MaxPool2d(3, 2, ceil_mode=True),
            nn.LocalResponseNorm(5, 1e-4, 0.75),
            _conv(64, 64, 1), _conv(64, 192, 3, padding=1), nn.LocalResponseNorm(5, 1e-4, 0.75),
            nn.MaxPool2d(3, 2, ceil_mode=True),
        )  # fmt: skip
        self.first = nn.Sequential(
            Inception(192, 64, 96, 128, 16, 32, 32), Inception(256, 128, 128, 192, 32, 96, 64),
            nn.MaxPool2d(3, 2, ceil_mode=True), Inception(480, 192, 96, 208, 16, 48, 64),
        )  # fmt: skip
        self.one = Auxiliary(512)
        self.second = nn.Sequential(
            Inception(512, 160, 112, 224, 24, 64, 64), Inception(512, 128, 128, 256, 24, 64, 64),
            Inception(512, 112, 144, 288, 32, 64, 64),
        )  # fmt: skip
        self.two = Auxiliary(528)
        self.third = nn.Sequential(
            Inception(528, 256, 160, 320, 32, 128, 128), nn.MaxPool2d(3, 2, ceil_mode=True),
            Inception(832, 256, 160, 320, 32, 128, 128), Inception(832, 384, 192, 384, 48, 128, 128),
        )  # fmt: skip
        self.scores = nn.Sequential(nn.AvgPool2d(7, 1), nn.Flatten(), nn.Dropout(0.4), nn.Linear(1024, CLASSES))

    def forward(self, images: Tensor) -> Tensor:
        return self.scores(self.third(self.second(self.first(self.stem(images)))))

    def loss(self, images: Tensor, labels: Tensor) -> Tensor:
        first = self.first(self.stem(images))
        second = self.second(first)
        loss = functional.cross_entropy(self.scores(self.third(second)), labels)
        for classifier, x in ((self.one, first), (self.two, second)):
            loss = loss + 0.3 * functional.cross_entropy(classifier(x), labels)
        return loss


class Residual(nn.Module):
    """Two convolutions and a way around them."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.around = _normalised(inputs, outputs, 1, stride) if stride > 1 else nn.Identity()
        self.first = nn.Sequential(*_normalised(inputs, outputs, 3, stride), nn.ReLU(True))
        self.second = _normalised(outputs, outputs, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.second(self.first(x)) + self.around(x), inplace=True)


def _normalised(inputs: int, outputs: int, kernel: int, stride: int) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs))


class ResNet18(nn.Module):
    """Eight residual blocks (He et al. 2015), with the pooling that Caffe's rounding gives."""

    def __init__(self) -> None:
        super().__init__()
        blocks = [Residual(64, 64, 1), Residual(64, 64, 1)]
        for inputs, outputs in ((64, 128), (128, 256), (256, 512)):
            blocks += [Residual(inputs, outputs, 2), Residual(outputs, outputs, 1)]
        self.stem = nn.Sequential(*_normalised(3, 64, 7, 2), nn.ReLU(True), nn.MaxPool2d(3, 2, ceil_mode=True))
        self.blocks = nn.Sequential(*blocks)
        self.scores = nn.Sequential(nn.AvgPool2d(7), nn.Flatten(), nn.Linear(512, CLASSES))

    def forward(self, images: Tensor) -> Tensor:
        return self.scores(self.blocks(self.stem(images)))

    def loss(self, images: Tensor, labels: Tensor) -> Tensor:
        return functional.cross_entropy(self(images), labels)
