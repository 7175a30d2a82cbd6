import pytest

from gradus.core.dataset import Encoding
from gradus.data.build import build_classification
from gradus.data.choice import choose_encoding

JPEGS, PNGS = ["a/1.jpg", "a/2.JPEG", "b/3.png"], ["a/1.png", "b/2.png", "b/3.jpg"]


@pytest.mark.parametrize(
    ("given", "files", "expected"),
    [
        ({"encoding": "auto", "width": 28, "height": 28, "channels": 1}, JPEGS, Encoding.RAW),
        ({"encoding": "auto", "width": 32, "height": 32}, PNGS, Encoding.RAW),
        ({"encoding": "auto", "width": 256, "height": 256}, JPEGS, Encoding.JPG),
        ({"encoding": "auto", "width": 256, "height": 256}, PNGS, Encoding.PNG),
        ({"encoding": "auto", "width": 256, "height": 256}, [], Encoding.PNG),
        ({"encoding": "png", "backend": "hdf5"}, JPEGS, Encoding.RAW),
    ],
)
def test_the_choice_has_a_reason(options, given, files, expected):
    encoding, reason = choose_encoding(options("x", **given), iter(files))
    assert encoding is expected and reason


@pytest.mark.parametrize("encoding", [Encoding.PNG, Encoding.JPG, Encoding.RAW])
def test_what_was_asked_for_needs_none(options, encoding):
    assert choose_encoding(options("x", encoding=encoding), JPEGS) == (encoding, "")


def test_a_dataset_tells_what_was_chosen(pictures, options, memory, tmp_path):
    facts = build_classification(options(pictures(), encoding="auto"), tmp_path / "job", memory())
    assert facts.encoding is Encoding.RAW and "small" in facts.encoding_reason


def test_quality_is_that_of_the_jpegs(pictures, options, memory, tmp_path):
    root = pictures(size=(40, 30))
    sizes = [
        build_classification(options(root, encoding="jpg", quality=q), tmp_path / str(q), memory()).splits[0].bytes
        for q in (20, 95)
    ]
    assert sizes[0] < sizes[1]
