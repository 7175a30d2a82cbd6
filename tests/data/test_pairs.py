"""Pictures and their labels go together by name; what has no partner is named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradus.core.dataset import Split
from gradus.core.errors import InputError, PathError
from gradus.data.pairs import Fields, is_voc, pair_folders, pair_voc

FIELDS = Fields("feature_folder", "label_folder")


@pytest.fixture
def made(tmp_path):
    def make(folder, names):
        for name in names:
            (tmp_path / folder / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / folder / name).touch()
        return str(tmp_path / folder)

    return make


def paired(images, labels, prefix=""):
    return pair_folders(images, labels, FIELDS, lambda _: None, prefix)


def test_the_same_names_but_for_the_ending(made, tmp_path):
    images, labels = (
        made("i", ["b.jpg", "a.png", "x/a.JPEG", "1.2.png"]),
        made("l", ["a.png", "b.png", "x/a.png", "1.2.bmp"]),
    )
    found = paired(images, labels, "set/").found
    assert [pair.name for pair in found] == ["set/1.2.png", "set/a.png", "set/b.jpg", "set/x/a.JPEG"]
    assert found[2].image == f"{tmp_path}/i/b.jpg" and found[2].label == f"{tmp_path}/l/b.png"


@pytest.mark.parametrize(
    ("images", "labels", "reason"),
    [
        (["a.png", "b.png"], ["a.png"], "2 images, 1 labels; no label for b.png$"),
        (["a.png"], ["a.png", "b.png"], "no image for b.png$"),
        (["a.png", "b.png"], ["a.png", "c.png"], "no label for b.png; no image for c.png$"),
        ([f"{i}.png" for i in range(7)], ["0.png"], "no label for 1.png, 2.png, 3.png and 3 more$"),
        (["a.png", "a.jpg"], ["a.png"], "a.jpg and a.png have the same name"),
        (["a.png"], ["a.txt"], "no pictures"),
        (["x/a.png"], ["y/a.png"], "no label for x/a.png"),
    ],
)
def test_what_does_not_go_together(made, images, labels, reason):
    with pytest.raises(InputError, match=reason):
        paired(made("i", images), made("l", labels))


def test_a_folder_is_not_its_own_labels(made, tmp_path):
    images = made("i", ["a.png"])
    (tmp_path / "link").symlink_to(images)
    for labels in (images, f"{images}/", str(tmp_path / "link")):
        with pytest.raises(InputError, match="the folder of the images too") as error:
            paired(images, labels)
        assert error.value.problem.field == "label_folder"
    with pytest.raises(PathError, match="no folder"):
        paired(images, str(tmp_path / "none"))


def test_cityscapes(made):
    city = "aachen/aachen_000000_00001"
    images = made("leftImg8bit", [f"{city}{i}_leftImg8bit.png" for i in range(2)])
    kinds = ("color", "instanceIds", "labelIds", "labelTrainIds")
    labels = made("gtFine", [f"{city}{i}_gtFine_{kind}.png" for i in range(2) for kind in kinds])
    found = paired(images, labels).found
    assert [pair.label.rpartition("/")[2] for pair in found] == [f"{city[7:]}{i}_gtFine_labelIds.png" for i in range(2)]


@given(
    st.sets(st.text(st.characters(categories=("L", "N")), min_size=1, max_size=5), min_size=1, max_size=10), st.data()
)
def test_sets_of_names(tmp_path_factory, names, data):
    """A pair for each name if both folders have the same, an error that names one of the others if not."""
    other = data.draw(st.sets(st.sampled_from(sorted(names)), min_size=1))
    folder = tmp_path_factory.mktemp("pairs")
    for part, stems in (("i", names), ("l", other)):
        (folder / part).mkdir()
        for stem in stems:
            (folder / part / f"{stem}.png").touch()
    if names == other:
        assert {pair.name for pair in paired(str(folder / "i"), str(folder / "l")).found} == {f"{n}.png" for n in names}
        return
    with pytest.raises(InputError) as error:
        paired(str(folder / "i"), str(folder / "l"))
    assert any(f"{name}.png" in str(error.value) for name in names - other)


def test_voc(made, tmp_path):
    made("JPEGImages", [f"{i}.jpg" for i in range(6)])
    made("SegmentationClass", [f"{i}.png" for i in range(4)])
    lists = tmp_path / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("0\n2\r\n5\n\n2\n")
    (lists / "val.txt").write_text("1\n../../etc/passwd\n")
    assert is_voc(str(tmp_path)) and not is_voc(str(tmp_path / "JPEGImages"))
    found, warnings = pair_voc(str(tmp_path), "feature_folder", lambda _: None)
    assert {split: [pair.name for pair in pairs] for split, pairs in found.items()} == {
        Split.TRAIN: ["0.jpg", "2.jpg"],
        Split.VAL: ["1.jpg"],
        Split.TEST: [],
    }
    assert found[Split.VAL][0].label == f"{tmp_path}/SegmentationClass/1.png"
    assert [text.rpartition(": ")[2] for text in warnings] == ["5", "../../etc/passwd"]
    (lists / "train.txt").unlink()
    (lists / "trainval.txt").write_text("3\n")
    assert [pair.name for pair in pair_voc(str(tmp_path), "x", lambda _: None)[0][Split.TRAIN]] == ["3.jpg"]
    (lists / "trainval.txt").write_text("none\n")
    with pytest.raises(InputError, match="No picture that"):
        pair_voc(str(tmp_path), "x", lambda _: None)
