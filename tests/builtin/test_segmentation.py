"""Segmentation datasets built through the door: masks read back by another LMDB reader, against how they were drawn."""

import json
from collections import Counter

import lmdb
import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from gradus.builtin.segmentation import Segmentation
from gradus.builtin.segmentation_options import SegmentationOptions
from gradus.core.dataset import Split
from gradus.core.errors import InputError
from gradus.data.generic import build_generic

COLOURS = [(0, 0, 0), (128, 0, 0), (0, 128, 0)]
SIZE = (10, 8)


def mask_of(i, classes=3):
    """Bands of classes, different in each."""
    y, x = np.mgrid[0 : SIZE[1], 0 : SIZE[0]]
    return ((x + y * 2 + i) // 4 % classes).astype(np.uint8)


def as_palette(mask, colours=COLOURS):
    image = Image.frombytes("P", mask.shape[::-1], mask.tobytes())
    image.putpalette([value for colour in colours for value in colour] + [9] * (768 - 3 * len(colours)))
    return image


def as_colours(mask):
    return Image.fromarray(np.array(COLOURS, np.uint8)[mask])


def as_white(mask):
    return Image.fromarray((mask > 0).astype(np.uint8) * 255)


@pytest.fixture
def made(tmp_path):
    """Folders of pictures, whose red is the mask's number times 50, and of labels drawn by `draw`."""

    def make(count=10, draw=as_palette, images="images", labels="labels", first=0):
        for name in (images, labels):
            (tmp_path / name).mkdir(parents=True, exist_ok=True)
        for i in range(first, first + count):
            mask = mask_of(i)
            picture = np.stack([mask * 50, np.full_like(mask, i), mask], axis=-1)
            Image.fromarray(picture).save(tmp_path / images / f"{i:02d}.png")
            draw(mask).save(tmp_path / labels / f"{i:02d}.png")
        return {"feature_folder": str(tmp_path / images), "label_folder": str(tmp_path / labels)}

    return make


@pytest.fixture
def build(tmp_path, memory):
    def run(**given):
        report = memory()
        options = SegmentationOptions(name="test", feature_encoding="raw", **given)
        facts = build_generic(Segmentation(), options, tmp_path / "out", report)
        listed = [json.loads(line) for line in (tmp_path / "out" / "unreadable.jsonl").read_text().splitlines()]
        return facts, listed, report

    return run


@pytest.fixture
def records(tmp_path, caffe):
    """(feature (C, H, W), mask (H, W)) of each record of a split."""

    def read(split):
        found = []
        for part in ("features", "labels"):
            environment = lmdb.open(str(tmp_path / "out" / f"{split}_db" / part), readonly=True, lock=False)
            with environment, environment.begin() as transaction:
                datums = [caffe.Datum.FromString(value) for _, value in transaction.cursor()]
            found.append([np.frombuffer(d.data, np.uint8).reshape(d.channels, d.height, d.width) for d in datums])
        return [(feature, label[0]) for feature, label in zip(*found, strict=True)]

    return read


@pytest.mark.parametrize(
    "draw", [as_palette, Image.fromarray, lambda mask: Image.fromarray(mask.astype(np.uint16))], ids=["P", "L", "I;16"]
)
def test_a_mask_lies_over_its_picture(made, build, records, draw):
    facts, listed, _ = build(**made(draw=draw))
    assert listed == [] and facts.presentation == "mask" and facts.ignored == 255
    assert facts.labels == ["class 0", "class 1", "class 2"]
    assert [s.count for s in facts.splits] == [9, 1]  # DIGITS' 10 % for validation
    for split in (Split.TRAIN, Split.VAL):
        counts = Counter()
        for feature, mask in records(split):
            assert (feature[2] == mask * 50).all() and (mask == mask_of(int(feature[1, 0, 0]))).all()
            counts.update(mask.ravel().tolist())
        assert facts.split(split).class_counts == [counts[i] for i in range(3)]


def test_the_palette_is_that_of_the_label_pictures(made, build):
    assert build(**made())[0].palette == ["#000000", "#800000", "#008000"]


def test_names_of_classes(made, build, tmp_path):
    (tmp_path / "names.txt").write_text("sky\nroad\ncar\ntree\n")
    facts, _, _ = build(**made(draw=Image.fromarray), class_labels_file=str(tmp_path / "names.txt"))
    assert facts.labels == ["sky", "road", "car", "tree"] and facts.splits[0].class_counts[3] == 0
    assert len(set(facts.palette)) == 4 and "#000000" not in facts.palette  # no class is a background


def test_a_number_without_a_name_is_listed_and_ignored(made, build, records, tmp_path):
    (tmp_path / "names.txt").write_text("sky\nroad\n")
    given = {**made(draw=Image.fromarray), "class_labels_file": str(tmp_path / "names.txt")}
    with pytest.raises(InputError, match=r"numbers without a name, which are ignored: 2 \("):
        build(**given)
    facts, listed, _ = build(**given, unreadable_percent=100)
    assert len(listed) == 10 and all(each["kept"] for each in listed) and facts.splits[0].count == 9
    for feature, mask in records("train"):
        assert (mask == np.where(feature[2] == 100, 255, feature[2] // 50)).all()


def test_numbers_that_are_ignored_need_no_name(made, build, records, tmp_path):
    (tmp_path / "names.txt").write_text("sky\nroad\n")
    given = {"class_labels_file": str(tmp_path / "names.txt"), "ignored_numbers": " 2, 254"}
    facts, listed, _ = build(**made(draw=Image.fromarray), **given)
    assert listed == [] and facts.labels == ["sky", "road"]
    assert all((mask == np.where(feature[2] == 100, 255, feature[2] // 50)).all() for feature, mask in records("train"))
    assert build(**made(draw=Image.fromarray), ignored_numbers="2")[0].labels == ["class 0", "class 1"]


@pytest.mark.parametrize("draw", [as_colours, as_palette])
def test_a_colour_map_decides_the_order(made, build, records, tmp_path, draw):
    (tmp_path / "map.txt").write_text("0 128 0 tree\n0 0 0\n128 0 0 roof\n")
    facts, listed, _ = build(
        **made(draw=draw), colormap_method="textfile", colormap_text_file=str(tmp_path / "map.txt")
    )
    assert facts.labels == ["tree", "class 1", "roof"] and listed == []
    assert facts.palette == ["#008000", "#000000", "#800000"]
    for feature, mask in records("train"):
        assert (mask == np.array([1, 2, 0])[feature[2] // 50]).all()


def test_unknown_colours_are_listed_with_their_count(made, build, tmp_path):
    (tmp_path / "map.txt").write_text("0 0 0\n128 0 0\n")
    given = {"colormap_method": "textfile", "colormap_text_file": str(tmp_path / "map.txt")}
    facts, listed, _ = build(**made(draw=as_colours), **given, unreadable_percent=100)
    greens = {f"{i:02d}.png": int((mask_of(i) == 2).sum()) for i in range(10)}
    assert {each["file"]: each["reason"] for each in listed} == {
        name: f"{count} pixels have colours that the colour map lacks, and are ignored: 0 128 0 ({count} pixels)"
        for name, count in greens.items()
    }
    assert facts.labels == ["class 0", "class 1"]


def test_colours_without_a_map_are_shown_to_be_copied(made, build):
    with pytest.raises(InputError, match="colours, not numbers") as error:
        build(**made(draw=as_colours))
    assert error.value.problem.field == "colormap_method"
    assert "0 0 0; 0 128 0; 128 0 0" in error.value.problem.hint


def test_photographs_in_place_of_labels_are_told(made, build):
    noise = np.random.default_rng(3)
    with pytest.raises(InputError, match="colours, not numbers") as error:
        build(**made(draw=lambda mask: Image.fromarray(noise.integers(0, 256, (*mask.shape, 3), np.uint8))))
    assert "those of pictures" in error.value.problem.hint


def test_a_map_and_names_must_agree(made, build, tmp_path):
    (tmp_path / "map.txt").write_text("0 0 0\n128 0 0\n0 128 0\n")
    (tmp_path / "names.txt").write_text("sky\nroad\n")
    given = {"colormap_method": "textfile", "colormap_text_file": str(tmp_path / "map.txt")}
    with pytest.raises(InputError, match="3 colours and 2 names"):
        build(**made(), **given, class_labels_file=str(tmp_path / "names.txt"))


def test_black_and_white(made, build, records):
    facts, _, report = build(**made(draw=as_white))
    assert facts.labels == ["black", "white"] and facts.user == {"binary": True}
    assert report.warnings == ["The labels are read as two classes: 0 as class 0, 255 as class 1"]
    for feature, mask in records("train"):
        assert (mask == (feature[2] > 0)).all()
    facts, _, report = build(**made(draw=as_white), binary="no")
    assert facts.labels == ["class 0"] and "Only class 0" in report.warnings[0]
    assert {*np.unique(records("train")[0][1])} == {0, 255}


def test_halves_of_a_smeared_jpeg(made, build, records, tmp_path):
    given = made(count=6)
    for path in sorted((tmp_path / "labels").iterdir()):
        wide = Image.fromarray(np.zeros((8, 10), np.uint8))
        wide.paste(255, (5, 0, 10, 8))
        wide.save(path.with_suffix(".jpg"), quality=30)
        path.unlink()
    with pytest.raises(InputError, match="JPEG"):
        build(**given)
    build(**given, binary="yes")
    assert all((mask[:, :4] == 0).all() and (mask[:, 6:] == 1).all() for _, mask in records("train"))


def test_a_palette_that_differs_is_listed(made, build, tmp_path):
    given = made(count=30)
    as_palette(mask_of(7), [COLOURS[0], COLOURS[2], COLOURS[1]]).save(tmp_path / "labels" / "07.png")
    facts, listed, _ = build(**given)
    assert [each["file"] for each in listed] == ["07.png"] and not listed[0]["kept"]
    assert "its palette differs: number 1 is 0 128 0, and 128 0 0" in listed[0]["reason"]
    assert sum(s.count for s in facts.splits) == 29


def test_a_mask_of_another_size_is_listed(made, build, tmp_path):
    given = made(count=30)
    as_palette(np.zeros((9, 10), np.uint8)).save(tmp_path / "labels" / "03.png")
    (tmp_path / "images" / "04.png").write_bytes(b"")
    _, listed, _ = build(**given, unreadable_percent=10)
    assert {each["file"]: each["reason"] for each in listed} == {
        "03.png": "its label: is 10 x 9, the image 10 x 8",
        "04.png": "the file is empty",
    }


def test_too_much_that_is_wrong_fails_with_the_first_reasons(made, build, tmp_path):
    given = made(count=10)
    for i in range(2):
        (tmp_path / "labels" / f"0{i}.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match="its label: not a picture but text") as error:
        build(**given)
    assert error.value.problem.field == "feature_folder"
    assert not (tmp_path / "out" / "train_db").exists()


def test_sizes(made, build, records):
    facts, _, _ = build(**made(), width=20, height=16)
    assert facts.splits[0].feature.shape == (3, 16, 20)
    for feature, mask in records("train"):
        assert (mask == mask_of(int(feature[1, 0, 0])).repeat(2, 0).repeat(2, 1)).all()


def test_bands_beside_a_picture_are_ignored(made, build, records):
    facts, _, _ = build(**made(), width=10, height=10, resize_mode="fill")
    feature, mask = records("train")[0]
    assert (feature[:, [0, 9]] == 0).all() and (mask[[0, 9]] == 255).all() and (mask[1:9] < 3).all()
    assert sum(facts.splits[0].class_counts) == 9 * 80


@pytest.mark.parametrize(("conversion", "channels"), [("none", 3), ("RGB", 3), ("L", 1)])
def test_channel_conversion(made, build, conversion, channels):
    assert build(**made(), channel_conversion=conversion)[0].splits[0].feature.shape == (channels, 8, 10)


def test_separate_validation_and_a_share_for_testing(made, build, tmp_path):
    train, val = made(), made(images="vi", labels="vl", count=3, first=20)
    given = {"validation_feature_folder": val["feature_folder"], "validation_label_folder": val["label_folder"]}
    facts, _, _ = build(**train, **given, has_val_folder=True, folder_pct_test=20)
    assert {s.split: s.count for s in facts.splits} == {"train": 8, "val": 3, "test": 2}
    with pytest.raises(InputError, match="must not be empty") as error:
        build(**train, has_val_folder=True)
    assert error.value.problem.field == "validation_feature_folder"


def test_the_seed_decides_the_split(made, tmp_path):
    given = made(count=40)

    def validation(seed):
        scan = Segmentation().scan(SegmentationOptions(name="x", seed=seed, **given), lambda _: None)
        names = {split: {entry.name for entry in entries} for split, entries in scan.entries.items()}
        assert len(set.union(*names.values())) == 40 == sum(map(len, names.values()))
        return names[Split.VAL]

    assert validation(1) == validation(1) != validation(2)


def test_voc(made, build, tmp_path):
    made(images="JPEGImages", labels="SegmentationClass")
    lists = tmp_path / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("00\n01\n02\n03\n04\n05\n")
    facts, _, _ = build(feature_folder=str(tmp_path), folder_pct_val=50)
    assert [s.count for s in facts.splits] == [3, 3]
    (lists / "val.txt").write_text("06\n07\n")
    facts, _, _ = build(feature_folder=str(tmp_path))
    assert [s.count for s in facts.splits] == [6, 2]
    own = made(images="vi", labels="vl", count=3, first=20)
    given = {"validation_feature_folder": own["feature_folder"], "validation_label_folder": own["label_folder"]}
    facts, _, _ = build(feature_folder=str(tmp_path), has_val_folder=True, **given)
    assert [s.count for s in facts.splits] == [6, 3]


def test_a_folder_of_labels_is_needed(made, build):
    given = made()
    with pytest.raises(InputError, match="must not be empty") as error:
        build(feature_folder=given["feature_folder"])
    assert error.value.problem.field == "label_folder"


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"width": 5}, "go together"),
        ({"folder_pct_val": 60, "folder_pct_test": 60}, "more than 100"),
        ({"colormap_method": "textfile"}, "Color map file must be given"),
        ({"feature_folder": ""}, "at least 1"),
        ({"unknown": 1}, "not permitted"),
        ({"ignored_numbers": "1;2"}, "should match pattern"),
    ],
)
def test_what_the_form_refuses(given, reason):
    with pytest.raises(ValidationError, match=reason):
        SegmentationOptions(**{"name": "x", "feature_folder": "/x", **given})


def test_the_defaults_of_digits():
    options = SegmentationOptions(name="x", feature_folder="/x")
    assert options.folder_pct_val == 10 and not options.has_val_folder and options.channel_conversion == "none"
    assert options.colormap_method == "label" and options.feature_encoding == "png" and options.label_encoding == "raw"


def test_what_belongs_together_stays_together(made):
    """Names of two digits: all with the same first digit are one video."""
    options = SegmentationOptions(name="x", group_expression=r"^(\d)", folder_pct_val=40, **made(count=50))
    scan = Segmentation().scan(options, lambda _: None)
    videos = {split: {entry.name[0] for entry in entries} for split, entries in scan.entries.items()}
    assert videos[Split.TRAIN] | videos[Split.VAL] == set("01234") and not videos[Split.TRAIN] & videos[Split.VAL]
    assert len(scan.entries[Split.VAL]) == 20
