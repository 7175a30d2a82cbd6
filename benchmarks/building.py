"""Building the database of 70,000 PNG files, beside DIGITS' algorithm."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from benchmarks.measure import Row, in_turns
from benchmarks.peers import digits_create_db
from benchmarks.quiet import Quiet
from benchmarks.setting import Setting
from gradus.core.dataset import ClassificationOptions
from gradus.data.build import build_classification

VALIDATION = 25  # percent


def run(setting: Setting) -> list[Row]:
    folder = setting.digits.write_folder()
    count = len(setting.digits.all[0])

    def ours() -> float:
        return count / _fresh(setting.work / "ours", lambda out: _ours(folder, out))

    def digits() -> float:
        return count / _fresh(setting.work / "digits", lambda out: _digits(folder, out))

    figures = in_turns({"ours": ours, "digits": digits}, setting.rounds)
    return [
        Row(
            name="building", what=f"building a database of {count:,} PNG files (28 x 28)", unit="files/s",
            ours=figures["ours"].median, peer=figures["digits"].median, peer_name="DIGITS' algorithm", bar=4.0,
            spread=figures["ours"].spread,
        )
    ]  # fmt: skip


def _ours(folder: Path, out: Path) -> None:
    options = ClassificationOptions(
        name="digits", train=str(folder), channels=1, width=28, height=28, validation_percent=VALIDATION
    )
    build_classification(options, out, Quiet())


def _digits(folder: Path, out: Path) -> None:
    train, val = [], []
    for label, name in enumerate(sorted(path.name for path in folder.iterdir() if path.is_dir())):
        files = sorted((folder / name).iterdir())
        held = len(files) * VALIDATION // 100
        val += [(file, label) for file in files[:held]]
        train += [(file, label) for file in files[held:]]
    for part, images in (("train", train), ("val", val)):
        digits_create_db.create(images, out / f"{part}_db", 28, 28, 1)


def _fresh(out: Path, work) -> float:  # type: ignore[no-untyped-def]
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    start = time.perf_counter()
    work(out)
    return time.perf_counter() - start
