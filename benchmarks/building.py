"""Building databases, of 70,000 small PNG files and of photographs: beside DIGITS, Caffe and decoding alone."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from unittest.mock import patch

import cv2
import simplejpeg

from benchmarks.measure import Row, Turn, in_turns
from benchmarks.peers import caffe_convert_imageset, digits_create_db
from benchmarks.photographs import write_photographs
from benchmarks.quiet import Quiet
from benchmarks.setting import Setting
from gradus.core.classification import ClassificationOptions
from gradus.data.build import build_classification
from gradus.data.quality.measure import Measure
from gradus.data.threads import cores
from gradus.data.work import Recipe

VALIDATION = 25  # percent
SIDE = 256
COUNT, WIDTH, HEIGHT = 1000, 500, 375
EACH = 8  # files to decode at a time, so that no thread waits at the end
SOME = 200  # of them, to be measured in one thread
CAMERA_COUNT, CAMERA_WIDTH, CAMERA_HEIGHT = 150, 2048, 1536
FEW, MANY = 1000, 20_000
KINDS = {"png": ("PNG", "png", 10.0, 0.40), "raw": ("raw", "none", 2.3, 0.55), "jpg": ("JPEG", "jpg", 2.3, 0.50)}


def run(setting: Setting) -> list[Row]:
    return [
        *_digits_files(setting), *_photographs(setting), _statistics(setting), *_camera(setting), _memory(setting)
    ]  # fmt: skip


def _digits_files(setting: Setting) -> list[Row]:
    folder = setting.digits.write_folder()
    count = len(setting.digits.all[0])
    for file, _ in _pairs(folder):
        Path(file).read_bytes()  # so that the disk is waited for by neither

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


def _photographs(setting: Setting) -> list[Row]:
    """1,000 photographs of 500 x 375, squashed to 256 x 256."""
    folder = write_photographs(COUNT, WIDTH, HEIGHT)
    pairs = _pairs(folder)

    def turn(work: Callable[[Path], object]) -> Turn:
        return lambda: COUNT / _fresh(setting.work / "photographs", work)

    def own_filter(out: Path) -> None:
        with patch("gradus.data.resize.resample", lambda picture, size, _: cv2.resize(picture, size)):
            _squashed(folder, out, "raw")

    competitors: dict[str, Turn] = {}
    for kind, (_, theirs, _, _) in KINDS.items():
        competitors[kind] = turn(lambda out, kind=kind: _squashed(folder, out, kind))
        competitors[f"digits {kind}"] = turn(
            lambda out, theirs=theirs: digits_create_db.create(pairs, out / "db", SIDE, SIDE, 3, theirs)
        )
    competitors["own filter"] = turn(own_filter)
    competitors["caffe"] = turn(lambda out: caffe_convert_imageset.create(pairs, out / "db", SIDE, SIDE))
    competitors["decoding"] = turn(lambda _: _decode(pairs))
    figures = in_turns(competitors, setting.rounds)

    def row(name: str, what: str, ours: str, peer: str, peer_name: str, bar: float) -> Row:
        return Row(
            name=name, what=f"{COUNT:,} photographs of {WIDTH} x {HEIGHT} to {what}", unit="files/s",
            ours=figures[ours].median, peer=figures[peer].median, peer_name=peer_name, bar=bar,
            spread=figures[ours].spread,
        )  # fmt: skip

    rows = []
    for kind, (title, _, bar, share) in KINDS.items():
        rows.append(row(f"building_{kind}", f"{title} records", kind, f"digits {kind}", "DIGITS' algorithm", bar))
        rows.append(row(f"building_{kind}_limit", f"{title} records", kind, "decoding", "decoding alone", share))
    caffe = "Caffe's convert_imageset, 1 thread"
    rows.append(row("building_caffe", "raw records, antialiased", "raw", "caffe", caffe, 1.3))
    rows.append(row("building_caffe_filter", "raw records, its filter", "own filter", "caffe", caffe, 1.7))
    return rows


def _statistics(setting: Setting) -> Row:
    """What the mean, the hashes and all else that is measured take of the time of PNG records, in one thread."""
    folder = write_photographs(COUNT, WIDTH, HEIGHT)
    entries = _pairs(folder)[:SOME]
    options = _options(folder, "png")
    recipes = {
        "bare": Recipe(root="", options=options, summed=False),
        "whole": Recipe(root="", options=options, summed=True, measure=Measure()),
    }
    each, _ = recipes["bare"].division(entries)
    shares = []
    for _ in range(setting.rounds):
        for at in range(0, SOME, each):
            seconds = {}
            for name, recipe in recipes.items():
                start = time.thread_time()
                recipe(entries[at : at + each], Event())
                seconds[name] = time.thread_time() - start
            shares.append(1 - seconds["bare"] / seconds["whole"])
    return Row(
        name="building_statistics", what=f"all statistics, of the time of PNG records of {SIDE} x {SIDE}", unit="%",
        better="less", ours=100 * statistics.median(shares), bar=12.0, bar_kind="figure",
    )  # fmt: skip


def _camera(setting: Setting) -> list[Row]:
    """Photographs of 2048 x 1536, which need not be decoded whole."""
    folder = write_photographs(CAMERA_COUNT, CAMERA_WIDTH, CAMERA_HEIGHT)
    pairs = _pairs(folder)

    quarter = {"min_width": CAMERA_WIDTH // 4, "min_height": CAMERA_HEIGHT // 4}

    def ours() -> float:
        return CAMERA_COUNT / _fresh(setting.work / "camera", lambda out: _squashed(folder, out, "jpg"))

    def limit() -> float:
        return CAMERA_COUNT / _fresh(setting.work / "camera", lambda _: _decode(pairs, min_factor=4, **quarter))

    figures = in_turns({"ours": ours, "limit": limit}, setting.rounds)
    return [
        Row(
            name="building_camera", what=f"photographs of {CAMERA_WIDTH} x {CAMERA_HEIGHT} to JPEG records",
            unit="files/s", ours=figures["ours"].median, peer=figures["limit"].median,
            peer_name="decoding alone, at a quarter", bar=0.9, spread=figures["ours"].spread,
        )
    ]  # fmt: skip


def _memory(setting: Setting) -> Row:
    """Whether twenty times as many files take more memory."""
    folder = setting.digits.write_folder()
    few, many = (_peak(folder, setting.work / str(count), count) for count in (FEW, MANY))
    return Row(
        name="building_memory", what=f"peak memory of building {MANY:,} small files", unit="MiB", better="less",
        ours=many, peer=few, peer_name=f"of {FEW:,}", bar=few * 1.2, bar_kind="figure",
    )  # fmt: skip


CHILD = """
import re, sys
from pathlib import Path
from benchmarks.quiet import Quiet
from gradus.core.classification import ClassificationOptions
from gradus.data.build import build_classification
options = ClassificationOptions(
    name="digits", train=sys.argv[1], channels=1, width=28, height=28, maximum_per_class=int(sys.argv[3]) // 10
)
build_classification(options, Path(sys.argv[2]), Quiet())
print(int(re.search(r"VmHWM:\\s+([0-9]+)", Path("/proc/self/status").read_text())[1]) / 1024)
"""


def _peak(folder: Path, out: Path, count: int) -> float:
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(folder), str(out), str(count)], capture_output=True, check=True, text=True
    )
    return float(done.stdout)


def _pairs(folder: Path) -> list[tuple[str, int]]:
    classes = sorted(path for path in folder.iterdir() if path.is_dir())
    return [(str(file), label) for label, path in enumerate(classes) for file in sorted(path.iterdir())]


def _squashed(folder: Path, out: Path, encoding: str) -> None:
    build_classification(_options(folder, encoding), out, Quiet())


def _options(folder: Path, encoding: str) -> ClassificationOptions:
    return ClassificationOptions.model_validate(
        {"name": "photographs", "train": str(folder), "validation_percent": 0, "encoding": encoding,
         "width": SIDE, "height": SIDE}
    )  # fmt: skip


def _decode(pairs: list[tuple[str, int]], **options: int) -> None:
    """Read and decode every file on all cores, and nothing else."""

    def some(part: list[tuple[str, int]]) -> None:
        for path, _ in part:
            simplejpeg.decode_jpeg(Path(path).read_bytes(), "RGB", **options)

    with ThreadPoolExecutor(cores()) as pool:
        list(pool.map(some, [pairs[i : i + EACH] for i in range(0, len(pairs), EACH)]))


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
