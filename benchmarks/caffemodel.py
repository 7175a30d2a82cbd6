"""AlexNet's weights, 240 MB, from a caffemodel into a net: seconds and peak memory, each load in a fresh process."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.measure import Row, in_turns
from benchmarks.setting import Setting

MIB = 2**20


def run(setting: Setting) -> list[Row]:
    deploy, weights = setting.work / "deploy.prototxt", setting.work / "alexnet.caffemodel"
    write(deploy, weights)
    size = weights.stat().st_size
    peaks: dict[str, list[float]] = {"ours": [], "protobuf": []}

    def turn(who: str) -> Callable[[], float]:
        def load() -> float:
            command = [sys.executable, "-m", "benchmarks.caffemodel", who, str(deploy), str(weights)]
            ran = subprocess.run(command, check=True, capture_output=True, text=True)
            seconds, peak = map(float, ran.stdout.split())
            peaks[who].append(peak / size)
            return seconds

        return load

    turn("ours")()  # the file is in the page cache for both
    figures = in_turns({who: turn(who) for who in peaks}, setting.rounds)
    what = f"a caffemodel of {size / 1e6:.0f} MB into a built net"
    return [
        Row(
            name="caffemodel", what=what, unit="s", better="less", ours=figures["ours"].median,
            peer=figures["protobuf"].median, peer_name="protobuf's parse alone", bar=1.5, bar_kind="figure",
            spread=figures["ours"].spread,
        ),
        Row(
            name="caffemodel memory", what=f"{what}, peak memory beside the file's size", unit="x", better="less",
            ours=max(peaks["ours"]), peer=max(peaks["protobuf"]), peer_name="protobuf's parse alone", bar=2.0,
            bar_kind="figure",
        ),
    ]  # fmt: skip


def write(deploy: Path, weights: Path) -> None:
    """AlexNet with a thousand classes: its deploy text, and a caffemodel of what its fillers give."""
    from gradus.core.network import NetworkInput
    from gradus.nets import caffe
    from gradus.nets.compilers import compile_network
    from gradus.zoo import network_text

    given = NetworkInput(width=256, height=256, channels=3, classes=1000)
    deploy.write_text(compile_network(network_text("alexnet"), given, device="meta").texts["deploy.prototxt"])
    caffe.Net(deploy).save(weights)


def ours(deploy: Path, weights: Path) -> Callable[[], object]:
    from gradus.nets import caffe

    small = deploy.with_name("small.prototxt")  # so that what is imported late is imported
    small.write_text(re.sub("num_output: [0-9]+", "num_output: 2", deploy.read_text()))
    caffe.Net(small).close()
    return lambda: caffe.Net(deploy, weights)


def protobuf(deploy: Path, weights: Path) -> Callable[[], object]:  # noqa: ARG001 - alike
    from gradus.nets.caffe.schema import message_class

    net = message_class("NetParameter")()
    return lambda: (net.ParseFromString(weights.read_bytes()), net)


def status(field: str) -> int:
    """A figure of this process's memory, in bytes: VmRSS is that of now, VmHWM the highest."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(f"{field}:")).split()[1]) * 1024


def main(who: str, deploy: Path, weights: Path) -> None:
    """One load: prints its seconds, and the bytes that it added at most."""
    load = {"ours": ours, "protobuf": protobuf}[who](deploy, weights)
    Path("/proc/self/clear_refs").write_text("5")  # the highest starts anew
    before, start = status("VmRSS"), time.perf_counter()
    kept = load()
    print(time.perf_counter() - start, status("VmHWM") - before)
    del kept


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
