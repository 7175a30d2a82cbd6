"""GoogLeNet from text to a drawn graph with shapes and parameter counts: what the editor waits for."""

from __future__ import annotations

from benchmarks.measure import Row, in_turns, seconds
from benchmarks.setting import Setting
from gradus.core.network import NetworkInput
from gradus.nets.compilers import compile_network
from gradus.zoo import network_text


def run(setting: Setting) -> list[Row]:
    text = network_text("googlenet")
    given = NetworkInput(width=256, height=256, channels=3, classes=1000)

    def drawn() -> None:
        compile_network(text, given, device="meta").graph("train")

    def filled() -> None:
        compile_network(text, given, device="cpu").reset(1)

    drawn()
    figures = in_turns({"drawn": lambda: seconds(drawn), "filled": lambda: seconds(filled)}, setting.rounds)
    return [
        Row(
            name="network", what="GoogLeNet from text to a graph with shapes", unit="s", better="less",
            ours=figures["drawn"].median, peer=figures["filled"].median, peer_name="with weights in memory",
            bar=0.15, bar_kind="figure",
            spread=figures["drawn"].spread,
        )
    ]  # fmt: skip
