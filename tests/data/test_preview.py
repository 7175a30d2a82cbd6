"""The example of the form is what the build would make."""

import io

import numpy as np
import pytest
from PIL import Image

from gradus.core.errors import InputError
from gradus.data.pictures import read_picture
from gradus.data.preview import preview
from gradus.data.resize import fit


def test_classes_counts_and_examples(pictures, options, tmp_path):
    root = pictures(("a_b", "c", "d"), count=9, size=(40, 30))
    (root / "c" / "zero.png").write_bytes(b"")
    asked = options(root, width=20, height=20, resize_mode="fill")
    found = preview(asked, tmp_path)
    assert [(c.label, c.count, c.complete) for c in found.classes] == [
        ("a b", 9, True),
        ("c", 10, True),
        ("d", 9, True),
    ]
    assert found.class_count == 3 and len(found.examples) == 12
    assert [example.label for example in found.examples].count("d") == 4
    for example in found.examples:
        if example.reason:
            assert example.file == "c/zero.png"
            continue
        assert (example.source_width, example.source_height) == (40, 30)
        expected = fit(read_picture(root / example.file), 20, 20, 3, asked.resize_mode)
        assert (np.asarray(Image.open(io.BytesIO(example.png))) == expected).all()


def test_many_classes_are_spread_and_time_is_bounded(pictures, options, tmp_path):
    root = pictures(tuple(f"{i:03d}" for i in range(50)), count=2)
    found = preview(options(root), tmp_path, seconds=0)
    assert found.class_count == 50 and len(found.examples) == 12
    assert len({example.label for example in found.examples}) == 12
    assert all(c.count is None and not c.complete for c in found.classes)


def test_large_targets_are_shrunk_for_showing(pictures, options, tmp_path):
    found = preview(options(pictures(), width=2000, height=1000, channels=1), tmp_path, pictures=1)
    assert Image.open(io.BytesIO(found.examples[0].png)).size == (512, 256)


def test_what_is_no_dataset_raises_what_building_would(options, tmp_path):
    with pytest.raises(InputError) as caught:
        preview(options(tmp_path), tmp_path)
    assert caught.value.problem.field == "train"
