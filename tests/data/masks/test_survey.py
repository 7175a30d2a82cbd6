"""What is found out about label pictures before they are used."""

import numpy as np
import pytest
from PIL import Image

from gradus.data.masks.survey import survey


@pytest.fixture
def made(tmp_path):
    def make(*pictures):
        files = []
        for i, picture in enumerate(pictures):
            path = tmp_path / f"{i}.png"
            if isinstance(picture, bytes):
                path.write_bytes(picture)
            else:
                picture.save(path)
            files.append(str(path))
        return files

    return make


def gray(*values, dtype=np.uint8):
    return Image.fromarray(np.array([values], dtype))


def palette(values, colours):
    image = Image.frombytes("P", (len(values), 1), bytes(values))
    image.putpalette([value for colour in colours for value in colour])
    return image


def nothing():
    pass


def test_black_and_white_is_two_classes(made):
    assert survey(made(gray(0, 0), gray(0, 255)), nothing).black_and_white
    assert survey(made(gray(0, 65535, dtype=np.uint16)), nothing).black_and_white
    for pictures in ([gray(0, 255), gray(0, 1)], [gray(0, 0)], [gray(255)], [palette([0, 255], [(0, 0, 0)] * 256)]):
        assert not survey(made(*pictures), nothing).black_and_white
    assert not survey(made(gray(0, 255), Image.new("RGB", (1, 1))), nothing).black_and_white


def test_numbers_without_what_is_ignored(made):
    found = survey(made(gray(0, 3, 255), gray(7, 7)), nothing)
    assert found.numbers == {0, 3, 7} and found.white and found.read == 2


def test_the_longest_palette_that_begins_as_the_first_does(made):
    colours = [(0, 0, 0), (1, 1, 1), (2, 2, 2)]
    found = survey(made(palette([0, 1], colours[:2]), palette([2], colours)), nothing)
    assert list(found.palette[:3]) == colours and found.numbers == {0, 1, 2}


def test_colours_are_counted(made):
    red = Image.new("RGB", (3, 2), (255, 0, 0))
    found = survey(made(red, red, gray(0)), nothing)
    assert found.coloured == 2 and found.colours.most_common() == [((255, 0, 0), 12)]


def test_what_cannot_be_read_is_passed_over(made):
    found = survey([*made(gray(1), b"no picture"), "/nowhere/at.all"], nothing)
    assert found.read == 1 and found.numbers == {1}


def test_some_of_many(made):
    files = made(*(gray(i) for i in range(10)))
    assert survey(files, nothing, most=5).numbers == {0, 2, 4, 6, 8}
    assert survey(files, nothing, most=50).read == 10
    assert survey([], nothing).read == 0


def test_it_can_be_stopped(made):
    def stop():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        survey(made(gray(1)), stop)
