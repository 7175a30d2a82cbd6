import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradus.core.errors import InputError, NetworkError
from gradus.data.pictures import read_file
from gradus.nets.caffe.sources import image_data, pictures
from gradus.nets.caffe.sources.image_data import read_list


def images(more="", transform="", source="list.txt"):
    return f'type: "ImageData" transform_param {{ {transform} }} image_data_param {{ source: "{source}" {more} }}'


@pytest.fixture
def files(tmp_path, rng):
    """Five files, PNG and JPEG, gray and colour, one with a blank in its name; label i is i - 1."""
    names = ["a.png", "b c.jpg", "sub/d.png", "e.jpg", "f.png"]
    (tmp_path / "sub").mkdir()
    for i, name in enumerate(names):
        small = rng.integers(0, 256, (6, 7, 1 if i == 3 else 3), dtype=np.uint8)
        cv2.imwrite(str(tmp_path / name), cv2.resize(small, (14, 12), interpolation=cv2.INTER_CUBIC))
    (tmp_path / "list.txt").write_text("".join(f"{name} {i - 1}\n" for i, name in enumerate(names)))
    return [tmp_path / name for name in names]


@pytest.mark.parametrize("colour", [True, False])
@pytest.mark.parametrize("size", [None, (20, 9)])
def test_pictures_are_what_opencv_reads(opened, files, colour, size):
    more = "batch_size: 3" + ("" if colour else " is_color: false")
    if size:
        more += f" new_height: {size[0]} new_width: {size[1]}"
    source = opened(images(more))
    expected = []
    for path in files:
        picture = cv2.imread(str(path), cv2.IMREAD_COLOR if colour else cv2.IMREAD_GRAYSCALE)
        if size:
            picture = cv2.resize(picture, size[::-1], interpolation=cv2.INTER_LINEAR)
        expected.append(picture.reshape(*picture.shape[:2], -1).transpose(2, 0, 1))
    expected = np.stack(expected).astype(np.float32)
    assert source.shapes() == [(3, *expected.shape[1:]), (3,)]
    for start in (0, 3, 6):
        pictures, labels = source.read()
        order = np.arange(start, start + 3) % 5
        np.testing.assert_array_equal(pictures.numpy(), expected[order])
        np.testing.assert_array_equal(labels.numpy(), order - 1.0)


@pytest.mark.parametrize("sides", [(10, 24), (24, 10)])
def test_the_short_side_of_nvidia(opened, tmp_path, rng, sides):
    picture = rng.integers(0, 256, (*sides, 3), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), picture)
    (tmp_path / "list.txt").write_text("a.png 0\n")
    height, width = (7 * side // 10 for side in sides)
    source = opened(images("short_side: 7 cache: true threads: 3"))
    for _ in range(2):  # read, then from the cache
        expected = cv2.resize(picture, (width, height), interpolation=cv2.INTER_LINEAR).transpose(2, 0, 1)
        np.testing.assert_array_equal(source.read()[0][0].numpy(), expected)


def test_the_cache_reads_each_file_once_and_keeps_within_memory(opened, files, tmp_path, monkeypatch):
    text = images("batch_size: 5 new_height: 4 new_width: 4 cache: true")
    read = []
    monkeypatch.setattr(pictures, "available_memory", lambda: 2 * 3 * 48)  # for three pictures
    monkeypatch.setattr(image_data, "read_file", lambda path: read.append(path) or read_file(path))
    source = opened(text).source
    first = source.read()[0].numpy()
    np.testing.assert_array_equal(source.read()[0].numpy(), first)
    assert len(read) == 5 + 2
    monkeypatch.undo()
    source = opened(text)
    np.testing.assert_array_equal(source.read()[0].numpy(), first)
    for file in files:
        file.unlink()
    for _ in range(6):
        np.testing.assert_array_equal(source.read()[0].numpy(), first)


def test_a_turned_photograph_is_upright_as_in_opencv(opened, tmp_path, rng):
    pixels = cv2.resize(rng.integers(0, 256, (3, 4, 3), dtype=np.uint8), (16, 12))
    file = cv2.imencode(".jpg", pixels)[1].tobytes()
    exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"  # orientation 6
    (tmp_path / "a.jpg").write_bytes(file[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + file[2:])
    (tmp_path / "list.txt").write_text("a.jpg 0\n")
    expected = cv2.imread(str(tmp_path / "a.jpg"))
    assert expected.shape == (16, 12, 3)
    np.testing.assert_array_equal(opened(images()).read()[0][0].numpy(), expected.transpose(2, 0, 1))


def test_shuffling_gives_each_once_in_every_pass(opened, files):
    text = images("batch_size: 5 shuffle: true new_height: 4 new_width: 4")
    source = opened(text, training=True)
    passes = [source.read()[1].numpy() for _ in range(8)]
    for labels in passes:
        np.testing.assert_array_equal(np.sort(labels), np.arange(5) - 1.0)
    assert len({tuple(labels) for labels in passes}) > 3
    np.testing.assert_array_equal(opened(text, training=True).read()[1].numpy(), passes[0])
    one = images("batch_size: 1 shuffle: true new_height: 4 new_width: 4")
    shares = [opened(one, training=True, rank=rank, world=5) for rank in range(5)]
    dealt = [int(share.read()[1][0]) for share in shares]
    np.testing.assert_array_equal(dealt, passes[0])


def test_random_skip(opened, files):
    text = images("rand_skip: 3 new_height: 4 new_width: 4")
    firsts = {int(opened(text, seed=seed).read()[1][0]) for seed in range(30)}
    assert firsts == {-1, 0, 1}


def test_the_root_folder_stands_before_each_path(opened, files, tmp_path):
    (tmp_path / "list.txt").write_text("d.png 3\n")
    expected = cv2.imread(str(files[2])).transpose(2, 0, 1)
    np.testing.assert_array_equal(opened(images('root_folder: "sub/"')).read()[0][0].numpy(), expected)


def test_pictures_of_many_sizes_need_a_crop(opened, files, tmp_path, rng):
    cv2.imwrite(str(tmp_path / "a.png"), rng.integers(0, 256, (9, 30, 3), dtype=np.uint8))
    assert opened(images("batch_size: 4", "crop_size: 9")).read()[0].shape == (4, 3, 9, 9)
    with pytest.raises(NetworkError, match=r"b c.jpg \(line 2 of list.txt\) comes out as 14 x 12"):
        opened(images("batch_size: 4")).read()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (images(source="none.txt"), "none.txt"),
        (images(source=""), "names no source"),
        (images(source="empty.txt"), "empty list"),
        (images(source="bad.txt"), "line 3 is not of the form"),
        (images(source="lost.txt"), r"gone.png \(line 2 of lost.txt\)"),
        (images(source="text.txt"), r"list.txt \(line 1 of text.txt\)"),
        (images("new_height: 3"), "both new_height and new_width"),
        (images("batch_size: 0"), "batch_size"),
    ],
)
def test_what_cannot_be_read_names_the_layer_and_the_line(opened, files, tmp_path, text, said):
    (tmp_path / "empty.txt").write_text("\n \n")
    (tmp_path / "bad.txt").write_text("a.png 0\n\na.png\n")
    (tmp_path / "lost.txt").write_text("a.png 0\ngone.png 1\n")
    (tmp_path / "text.txt").write_text("list.txt 0\n")
    with pytest.raises(NetworkError, match=f'layer "it" .*{said}'):
        source = opened(text)
        source.read()
        source.read()


@given(st.lists(st.tuples(st.text(min_size=1).filter(lambda t: t == t.strip(" \t\r")), st.integers(-(10**8), 10**8))))
def test_what_is_written_is_read(entries):
    entries = [(path, label) for path, label in entries if path and "\n" not in path and "\0" not in path]
    text = "".join(f"{path} {label}\r\n" for path, label in entries)
    assert [(entry.path, entry.label) for entry in read_list(text)] == entries


@given(st.text(alphabet="ab 01-+\t\n\r\0é", max_size=60))
def test_any_text_is_read_or_refused_with_its_line(text):
    try:
        entries = list(read_list(text))
    except InputError as problem:
        assert 1 <= problem.problem.line <= text.count("\n") + 1
    else:
        rows = [row for row in text.split("\n") if row.strip(" \t\r")]
        assert [entry.label for entry in entries] == [int(row.split()[-1]) for row in rows]
