"""Networks from prototxt beside the same networks written by hand in PyTorch: forward, and forward with backward.

Both have the same weights and give the same scores, which is checked first. The pictures are random: arithmetic
takes as long on them as on any. Passes take turns, so that whatever else the machine does slows both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from benchmarks import resnet_text
from benchmarks.measure import Row, in_turns, seconds
from benchmarks.peers.hand_networks import CLASSES, AlexNet, GoogLeNet, ResNet18
from benchmarks.setting import Setting
from gradus.core.network import NetworkInput
from gradus.nets.caffe.compile import CaffeNetwork, compile_prototxt
from gradus.zoo import network_text

BAR = 0.97
PASSES = 7  # of each kind in a round
NETWORKS: dict[str, tuple[Callable[[], str], Callable[[], Any], int]] = {  # text, the peer, pictures in a batch
    "AlexNet": (lambda: network_text("alexnet"), AlexNet, 16),
    "GoogLeNet": (lambda: network_text("googlenet"), GoogLeNet, 8),
    "ResNet-18": (resnet_text.text, ResNet18, 8),
}


def run(setting: Setting) -> list[Row]:
    return [row for name in NETWORKS for row in _rows(name, setting.rounds)]


def _rows(name: str, rounds: int) -> list[Row]:
    text, peer, batch = NETWORKS[name]
    given = NetworkInput(width=256, height=256, channels=3, classes=CLASSES, batch_size=batch)
    ours = compile_prototxt(text(), given)
    ours.reset(1)
    hand = peer()
    images, labels = _batch(batch, ours.input_shape("train"))
    _alike(ours, hand, images)
    figures = in_turns(
        {
            "ours": lambda: seconds(lambda: _forward(ours, images)),
            "hand": lambda: seconds(lambda: _hand_forward(hand, images)),
            "ours learning": lambda: seconds(lambda: _learn(ours, images, labels)),
            "hand learning": lambda: seconds(lambda: _hand_learn(hand, images, labels)),
        },
        rounds * PASSES,
    )
    return [
        Row(
            name="caffe_networks", what=f"{name} from prototxt, {what}, batch {batch}", unit="ms", better="less",
            ours=figures[f"ours{kind}"].median * 1000, peer=figures[f"hand{kind}"].median * 1000,
            peer_name="by hand in PyTorch", bar=BAR, spread=figures[f"ours{kind}"].spread,
        )
        for kind, what in (("", "forward"), (" learning", "forward and backward"))
    ]  # fmt: skip


def _batch(count: int, shape: tuple[int, int, int]) -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(1)
    images = torch.randn(count, *shape, generator=random)
    return images, torch.randint(CLASSES, (count,), generator=random)


@torch.no_grad()
def _alike(ours: CaffeNetwork, hand: Any, images: Tensor) -> None:
    """Give both the same weights, and see that they say the same of the same pictures."""
    for spec, tensor in zip(ours.parameters(), hand.parameters(), strict=True):
        assert spec.tensor.numel() == tensor.numel(), spec.name
        tensor.copy_(spec.tensor.view(tensor.shape))
    for name, tensor in ours.state().items():  # statistics: of a mean of 0 and a variance of 1, as PyTorch begins
        if name.startswith("bn_"):
            tensor.fill_(0.0 if name.endswith(".mean") else 1.0)
    hand.eval()
    mine = ours.forward(images, None, "deploy").values[ours.scores]
    torch.testing.assert_close(mine, hand(images).softmax(1), rtol=1e-3, atol=1e-5)


@torch.no_grad()
def _forward(network: CaffeNetwork, images: Tensor) -> None:
    network.forward(images, None, "deploy")


@torch.no_grad()
def _hand_forward(network: Any, images: Tensor) -> None:
    network.eval()
    network(images).softmax(1)


def _learn(network: CaffeNetwork, images: Tensor, labels: Tensor) -> None:
    for spec in network.parameters():
        spec.tensor.grad = None
    loss = network.forward(images, labels, "train").loss
    assert loss is not None
    loss.backward()


def _hand_learn(network: Any, images: Tensor, labels: Tensor) -> None:
    network.train()
    network.zero_grad()
    network.loss(images, labels).backward()
