"""DIGITS' folder rules, and names and links that nobody expects."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gradus.core.errors import InputError, PathError
from gradus.data.lists import unescape
from gradus.data.readers.folder import all_pictures, links_left_out, open_folder, scan, split_folders


def test_classes_are_sorted_and_named_and_files_found_at_any_depth(pictures, options):
    root = pictures(("b_cat", "a_dog"), count=3)
    deep = root / "b_cat" / "x" / "y"
    deep.mkdir(parents=True)
    (deep / "DEEP.JPEG").write_bytes(b"")
    (root / "b_cat" / "notes.txt").write_text("no picture")
    (root / "loose.png").write_bytes(b"")
    listing = scan(root, options(root))
    assert listing.labels == ["a dog", "b cat"]
    assert listing.classes[1].files == ["b_cat/000.png", "b_cat/001.png", "b_cat/002.png", "b_cat/x/y/DEEP.JPEG"]
    assert listing.count == 7


def test_the_parts_of_a_dataset_are_no_classes(pictures, options):
    root = pictures(("a", "b"), count=2)
    both = root.parent / "flowers"
    for part in ("Train", "test", "val"):
        shutil.copytree(root, both / part)
    with pytest.raises(InputError, match="“Train”, “test” and “val” look like parts") as caught:
        scan(both, options(both))
    assert caught.value.problem.hint == f"Give one of them, such as {both}/Train"
    assert scan(both / "Train", options(both / "Train")).labels == ["a", "b"]


def test_classes_may_be_called_train_and_test(pictures, options):
    root = pictures(("test", "train"), count=2)
    assert scan(root, options(root)).labels == ["test", "train"]


def test_every_extension_counts_whatever_its_case(pictures, options):
    root = pictures(("a", "b"), count=2)
    for extension in ("png", "jpg", "jpeg", "bmp", "ppm", "pgm", "tif", "tiff", "webp"):
        (root / "a" / f"x.{extension.upper()}").write_bytes(b"")
    for extension in ("gif", "svg", "eps", "png.txt"):
        (root / "a" / f"x.{extension}").write_bytes(b"")
    assert len(scan(root, options(root)).classes[0].files) == 2 + 9


def test_a_class_under_the_minimum_is_left_out(pictures, options):
    root = pictures(("a", "b", "c"), count=10)
    pictures(("few",), count=5)
    listing = scan(root, options(root, minimum_per_class=6))
    assert listing.labels == ["a", "b", "c"]
    assert listing.left_out == ["few"]
    assert any("few" in warning for warning in listing.warnings)


def test_each_split_that_is_asked_for_needs_a_picture(pictures, options):
    root = pictures(("a", "b"), count=3)
    pictures(("two",), count=2)
    asked = options(root, minimum_per_class=1, validation_percent=10, test_percent=10)
    assert scan(root, asked).left_out == ["two"]


def test_the_maximum_takes_a_sample_by_the_seed(pictures, options):
    root = pictures(("a", "b"), count=40)
    first, again, other = (
        scan(root, options(root, maximum_per_class=5, seed=seed)).classes[0].files for seed in (1, 1, 2)
    )
    assert len(first) == 5 and first == again != other
    assert first != [f"a/{i:03d}.png" for i in range(5)]


@pytest.mark.parametrize("classes", [(), ("only",)])
def test_fewer_than_two_sub_folders_are_refused(pictures, options, tmp_path, classes):
    root = pictures(classes, count=3) if classes else tmp_path / "none"
    root.mkdir(exist_ok=True)
    with pytest.raises(InputError, match="at least two sub-folders") as caught:
        scan(root, options(root))
    assert caught.value.problem.field == "train" and caught.value.problem.hint


def test_two_folders_without_pictures_are_refused(tmp_path, options):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    with pytest.raises(InputError, match="at least two such classes"):
        scan(tmp_path, options(tmp_path))


@pytest.mark.parametrize("path", ["gone", "file", "x" * 300, "nul\0byte"])
def test_what_is_no_folder_is_refused(tmp_path, options, path):
    (tmp_path / "file").write_text("")
    with pytest.raises(PathError) as caught:
        scan(Path(f"{tmp_path}/{path}"), options(tmp_path))
    assert caught.value.problem.field == "train"


def test_links_stay_inside_and_loops_end(pictures, options, tmp_path):
    root = pictures(("a", "b"), count=2)
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "s.png").write_bytes(b"")
    (root / "a" / "loop").symlink_to(root / "a")
    (root / "a" / "up").symlink_to("..")
    (root / "a" / "out").symlink_to(secret)
    (root / "a" / "out.png").symlink_to(secret / "s.png")
    (root / "a" / "dangling.png").symlink_to("nowhere.png")
    (root / "b" / "same.png").symlink_to(root / "b" / "000.png")
    (root / "c").symlink_to(secret)
    listing = scan(root, options(root))
    assert listing.labels == ["a", "b"]
    assert not any("secret" in file or "out" in file or "dangling" in file for c in listing.classes for file in c.files)
    assert listing.classes[1].files.count("b/000.png") == 2
    assert any("links lead out" in warning for warning in listing.warnings)


def test_f33_no_link_makes_a_class_part_of_another(pictures, options):
    root = pictures(("a", "b", "c"), count=3)
    (root / "c" / "part").mkdir()
    shutil.copy(root / "a" / "000.png", root / "c" / "part" / "own.png")
    (root / "a" / "to-b").symlink_to("../b")
    (root / "b" / "to-a").symlink_to("../a")
    (root / "a" / "to-part").symlink_to("../c/part")  # not a class: it belongs to both
    (root / "z").symlink_to("b")
    (root / "a" / "up").symlink_to("../..")
    listing = scan(root, options(root))
    assert [(c.label, len(c.files)) for c in listing.classes] == [("a", 4), ("b", 3), ("c", 4)]
    assert any(warning.startswith("4 links lead out of the folder, to another class") for warning in listing.warnings)


def test_names_of_any_bytes_survive(pictures, options):
    root = pictures(("a", "b"), count=2)
    strange = [b"new\nline.png", b"caf\xe9.png", b"-rf.png", b'"quoted".png', b"<b>.png", b"100%41.png"]
    strange.append(b"x" * 251 + b".png")
    for name in strange:
        shutil.copy(root / "a" / "000.png", root / "a" / os.fsdecode(name))
    odd = root / os.fsdecode(b"\xff_class")
    odd.mkdir()
    for i in range(2):
        shutil.copy(root / "a" / "000.png", odd / f"{i}.png")
    listing = scan(root, options(root))
    assert {os.fsencode(file)[2:] for file in listing.classes[0].files} >= set(strange)
    assert listing.labels[-1] == "%FF class"
    assert os.fsencode(unescape(listing.labels[-1])) == b"\xff class"


def test_the_order_of_the_disk_does_not_matter(pictures, options, monkeypatch):
    root = pictures(("a", "b"), count=20)
    first = scan(root, options(root))
    plain = os.scandir

    class Backwards:
        def __init__(self, path):
            with plain(path) as entries:
                self.entries = sorted(entries, key=lambda entry: entry.name, reverse=True)

        def __enter__(self):
            return iter(self.entries)

        def __exit__(self, *_):
            return None

    monkeypatch.setattr(os, "scandir", Backwards)
    assert scan(root, options(root)).classes == first.classes


def test_the_watcher_can_stop_the_scan(tmp_path, options):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for i in range(1500):
            (tmp_path / name / f"{i}.png").touch()

    def stop(found):
        raise InterruptedError(found)

    with pytest.raises(InterruptedError, match="1000"):
        scan(tmp_path, options(tmp_path), stop)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_folder_without_permission_says_who_lacks_what(pictures, options):
    root = pictures(("a", "b"), count=2)
    for folder in (root, *root.parents):
        if str(folder).startswith("/tmp/"):
            folder.chmod(0o755)
    (root / "b").chmod(0o700)
    code = (
        "import os, sys; from pathlib import Path\n"
        "from gradus.data.readers.folder import scan\n"
        "from gradus.core.classification import ClassificationOptions\n"
        "from gradus.core.errors import PathError\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "try: scan(Path(sys.argv[1]), ClassificationOptions(name='x', train=sys.argv[1]))\n"
        "except PathError as error: sys.stdout.write(error.problem.model_dump_json())\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(root)], capture_output=True, text=True, check=True)
    assert "uid 65534" in done.stdout and "read permission" in done.stdout and str(root / "b") in done.stdout


@pytest.mark.parametrize(
    ("classes", "found"),
    [
        (("train/a", "val/a"), {"train": "train", "val": "val"}),
        (("Train/a", "dev/a", "Testing/a"), {"train": "Train", "val": "dev", "test": "Testing"}),
        (("train/a",), {}),  # alone, it may be a class
        (("val/a", "test/a"), {}),
        (("train/a", "val/a", "cat"), {}),
        (("train/a", "val/a", "valid/a"), {}),  # which of them?
        (("train", "val"), {}),  # classes of these names, with pictures
    ],
)
def test_folders_of_splits_are_told_from_classes(pictures, tmp_path, classes, found):
    root = pictures(classes, count=1)
    assert split_folders(root) == {split: root / name for split, name in found.items()}


def test_all_pictures_of_a_folder_lie_at_any_depth(pictures, tmp_path):
    folder = pictures(classes=("a", "b/c"), count=2)
    (folder / "a" / "notes.txt").write_text("no picture")
    (folder / "z.PNG").touch()
    (folder / "out").symlink_to(tmp_path)
    walk = open_folder(folder, "feature_folder")
    assert all_pictures(walk) == ["a/000.png", "a/001.png", "b/c/000.png", "b/c/001.png", "z.PNG"]
    assert links_left_out(walk) == ["1 links lead out of the folder, to another class or nowhere, and are left out"]


def test_a_folder_that_cannot_be_opened_names_its_field(tmp_path):
    (tmp_path / "file").touch()
    for path, reason in ((tmp_path / "none", "no folder"), (tmp_path / "file", "a file, not a folder")):
        with pytest.raises(PathError, match=reason) as error:
            open_folder(path, "label_folder")
        assert error.value.problem.field == "label_folder"
