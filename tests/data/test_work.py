"""The recipe of a chunk: what is measured goes with its record, and nothing is kept of what cannot be read."""

from threading import Event

import numpy as np
import pytest
from PIL import Image

from gradus.core.classification import ClassificationOptions
from gradus.data import work
from gradus.data.quality.measure import Look, Measure, Taken
from gradus.data.work import Recipe

COLOURS = {"a.png": (10, 20, 30), "b.png": (200, 100, 50), "d.png": (1, 2, 3)}


@pytest.fixture
def folder(tmp_path):
    for name, colour in COLOURS.items():
        Image.new("RGB", (8, 6), colour).save(tmp_path / name)
    (tmp_path / "c.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    return tmp_path


def recipe(folder, **how):
    options = ClassificationOptions(name="x", train=str(folder), width=4, height=4, encoding="raw")
    return Recipe(root=str(folder), options=options, summed=True, **how)


def test_each_record_has_its_measure(folder):
    entries = [("b.png", 1), ("c.png", 0), ("a.png", 0), ("d.png", 2)]

    def measure(file, label, picture):
        size = (folder / file).stat().st_size
        assert len(picture.file) == size and picture.size == (8, 6)
        return Taken(file, size, bytes(32), picture.size, label, 0, Look(picture.pixels[..., 0]))

    done = recipe(folder, measure=measure)(entries, Event())
    assert done.measured.names == ["b.png", "a.png", "d.png"]
    assert done.measured.records["label"].tolist() == [1, 0, 2]
    assert done.measured.records["brightness"] == pytest.approx([200, 10, 1])
    assert [label for label, _ in done.records] == [1, 0, 2]
    assert [bad.file for bad in done.bad] == ["c.png"]
    assert np.allclose(done.total.mean()[2, 2], np.mean(list(COLOURS.values()), axis=0))


def test_nothing_is_measured_unless_it_is_asked_for(folder):
    assert len(recipe(folder)([("a.png", 0)], Event()).measured) == 0


def test_a_halt_ends_the_chunk(folder):
    halt = Event()

    def measure(file, label, picture):
        halt.set()
        return Measure()(file, label, picture)

    assert len(recipe(folder, measure=measure)([("a.png", 0), ("b.png", 0)], halt).records) == 1


def test_f27_of_several_pictures_the_first_is_used_and_noted(folder):
    """It is no unreadable file, and where it is left out of a version there is nothing to note."""
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    frames[0].save(folder / "a.png", save_all=True, append_images=frames[1:])
    entries = [("a.png", 1), ("b.png", 0), ("c.png", 2)]
    done = recipe(folder, shown="shown/")(entries, Event())
    assert [each.model_dump() for each in done.noted] == [
        {"file": "shown/a.png", "reason": "the first of 2 pictures is used", "kept": True}
    ]
    assert [bad.file for bad in done.bad] == ["shown/c.png"]
    assert (len(done.records), done.read) == (2, 3)
    assert done.total.mean()[0, 0].tolist() == [(255 + 200) / 2, 50, 25]
    assert recipe(folder, measure=lambda *_: None)(entries, Event()).noted == []


def test_tiny_files_are_taken_by_one_thread_and_more_threads_wait_for_a_late_disk(folder, monkeypatch):
    entries = [("a.png", 0), ("missing.png", 1), ("b.png", 2)]
    monkeypatch.setattr(work, "LATE", 10.0)
    monkeypatch.setattr(work, "cores", lambda: 3)
    assert recipe(folder).division(entries) == (256, 1)
    assert recipe(folder).division([]) == (256, 1)
    Image.effect_noise((700, 500), 100).save(folder / "large.png")
    large = 2**20 // (folder / "large.png").stat().st_size
    assert recipe(folder).division([("large.png", 0)] * 70) == (large, 3)
    monkeypatch.setattr(work, "LATE", -10.0)
    assert recipe(folder).division(entries) == (256, 8)
    assert recipe(folder).division([("large.png", 0)] * 70) == (large, 8)
