"""The checker for plugin authors: a sound kind passes, and every defect of the others is found."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pytest
from pydantic import BaseModel, ConfigDict, Field

from gradus.core.dataset import Split
from gradus.core.errors import InputError, NotFoundError
from gradus.core.form import Shown
from gradus.core.generic import GenericOptions, Presentation
from gradus.plugins import check as checking
from gradus.plugins.check import assert_sound, check, load, options_for
from gradus.plugins.data import DataKind, Entry, Sample, Scan
from gradus.plugins.manager import kinds


class Options(GenericOptions):
    type: Annotated[Literal["a-kind"], Shown(hidden=True)] = "a-kind"
    count: int = Field(5, ge=1, title="Count", description="Of samples.")
    mode: Annotated[Literal["a", "b"], Shown(words={"a": "A"})] = Field("a", title="Mode", description="Of two.")
    more: Annotated[str, Shown(when=("mode", "b"))] = Field("", title="More", description="For B.")


class Input(BaseModel):
    value: int = Field(1, title="Value", description="Of the sample.")


class Sound(DataKind[Options]):
    id = "a-kind"
    title = "A kind"
    summary = "For tests"
    presentation = Presentation.VECTOR
    options = Options
    inference = Input

    def scan(self, options, watch):
        watch(options.count)
        entries = {Split.TRAIN: [Entry(f"sample {i}", i) for i in range(options.count)], Split.VAL: []}
        return Scan(entries, labels=["x", "y"], palette=["#000000", "#ffffff"], user={"count": [options.count]})

    def prepare(self, options, scan):
        return lambda entry: Sample(
            np.full((4, 5), entry.source, np.uint8), np.array([entry.source], np.float32), counts={entry.source % 2: 1}
        )

    def entries_for(self, given, options, scan):
        return [Entry("given", given.value)]


class FolderOptions(Options):
    folder: Annotated[str, Shown(path="folder")] = Field(title="Folder", description="Of files.")


class InFolder(Sound):
    options = FolderOptions

    def scan(self, options, watch):
        names = sorted(path.name for path in Path(options.folder).iterdir())
        if not names:
            raise InputError("There is nothing in the folder", field="folder")
        return Scan({Split.TRAIN: [Entry(name, len(name)) for name in names]}, labels=["x", "y"])


def changed(base=Sound, **members):
    return type("Changed", (base,), members)()


def with_options(**fields):
    annotations = {name: kind for name, (kind, _) in fields.items()}
    values = {name: value for name, (_, value) in fields.items() if value is not ...}
    return changed(
        options=type("Other", (Options,), {"__annotations__": annotations, "__module__": __name__, **values})
    )


def scanning(**different):
    def scan(self, options, watch):
        found = Sound.scan(self, options, watch)
        for name, value in different.items():
            setattr(found, name, value)
        return found

    return changed(scan=scan)


def decoding(make):
    return changed(prepare=lambda self, options, scan: make)


def sample(feature=None, label=None, **more):
    return lambda entry: Sample(np.zeros((4, 5), np.uint8) if feature is None else feature, label, **more)


def test_a_sound_kind_passes():
    assert check(Sound()) == []
    assert_sound(Sound(), Options(name="t", count=50), Input(value=9))


@pytest.mark.parametrize("kind", kinds().values(), ids=lambda kind: kind.id)
def test_what_is_shipped_is_sound(kind):
    assert check(kind) == []


ALWAYS = np.random.default_rng()


def rewriting():
    buffer = np.zeros((4, 5), np.uint8)

    def make(entry):
        buffer[:] = entry.source
        return Sample(buffer)

    return make


def swallowing(self, options, watch):
    with suppress(Exception):
        watch(1)
    return Sound.scan(self, options, lambda _: None)


def turning(self, options, watch):
    try:
        watch(1)
    except Exception as error:
        raise InputError("nothing found") from error
    return Sound.scan(self, options, lambda _: None)


def raising(error):
    def method(*_):
        raise error

    return method


BROKEN = {
    "an id with capitals": (changed(id="A_Kind"), "id: 'A_Kind' must be lower case words"),
    "an id that is taken": (changed(id="classification"), "is taken by Gradus itself"),
    "no summary": (changed(summary=""), "summary: must be said"),
    "no presentation": (changed(presentation="vector?"), "presentation: must be one of"),
    "another type": (changed(id="b-kind"), "options.type: must be the id by itself"),
    "no model": (changed(options=dict), "options: must be a class that derives from"),
    "builds, but how": (changed(builds=True), "builds: must be True exactly where"),
    "no title": (with_options(x=(int, Field(1, description="d"))), "options.x: has no title"),
    "no description": (with_options(x=(int, Field(1, title="t"))), "options.x: has no description"),
    "no default": (with_options(x=(int, Field(title="t", description="d"))), "options.x: has no default"),
    "a list": (
        with_options(x=(list[int], Field([], title="t", description="d"))), "has a type for which there is no field",
    ),
    "a wrong default": (
        with_options(x=(int, Field(0, ge=1, title="t", description="d", validate_default=True))),
        "its default is refused",
    ),
    "words for nothing": (
        with_options(x=(Annotated[Literal["a"], Shown(words={"b": "B"})], Field("a", title="t", description="d"))),
        "has words for values that it cannot have: b",
    ),
    "shown by no field": (
        with_options(x=(Annotated[int, Shown(when=("gone", "a"))], Field(1, title="t", description="d"))),
        "there is no such field",
    ),
    "shown never": (
        with_options(x=(Annotated[int, Shown(when=("mode", "c"))], Field(1, title="t", description="d"))),
        "that “mode” cannot have: c",
    ),
    "a path that is a number": (
        with_options(x=(Annotated[int, Shown(path="file")], Field(1, title="t", description="d"))), "and is not text",
    ),
    "unknown names allowed": (
        with_options(model_config=(dict, ConfigDict(extra="ignore", frozen=True))), "must refuse names",
    ),
    "a scan of something else": (changed(scan=lambda *_: []), "must give a gradus.plugins.data.Scan"),
    "a scan that fails": (changed(scan=raising(KeyError("x"))), "scan: raises KeyError: 'x'"),
    "a scan that refuses": (changed(scan=raising(InputError("no"))), "scan: is refused: no"),
    "names by chance": (
        changed(scan=lambda *_: Scan({Split.TRAIN: [Entry(str(ALWAYS.random()))]})), "finds other samples",
    ),
    "facts by chance": (
        changed(scan=lambda *_: Scan({Split.TRAIN: [Entry("a")]}, user={"a": ALWAYS.random()})),
        "tells other labels or facts",
    ),
    "a watcher without effect": (changed(scan=swallowing), "goes on when its watcher raises"),
    "a watcher's error turned": (changed(scan=turning), "turns what its watcher raises into InputError"),
    "facts that are no JSON": (scanning(user={"a": {1: 2}}), "scan.user: must be JSON"),
    "facts that are not finite": (scanning(user={"a": float("nan")}), "scan.user: must be JSON"),
    "few colours": (scanning(palette=["#000000"]), "must have a colour for each label"),
    "odd colours": (scanning(palette=["black", "white"]), "colours that are not like"),
    "odd splits": (scanning(entries={"training": [Entry("a")], Split.TRAIN: [Entry("b")]}), "the splits are"),
    "odd entries": (scanning(entries={Split.TRAIN: ["a"]}), "is no Entry with a name"),
    "nothing to train on": (scanning(entries={Split.VAL: [Entry("a")]}), "no entries for training"),
    "odd labels": (scanning(labels=[1, 2]), "scan.labels: must be names"),
    "a decoder that fails": (decoding(raising(OSError("gone"))), "raises OSError: gone"),
    "a decoder that refuses": (decoding(raising(InputError("no"))), "makes no sample of the first 5"),
    "no decoder": (changed(prepare=lambda *_: None), "must give a function"),
    "no sample": (decoding(lambda entry: (1, 2)), "must give a gradus.plugins.data.Sample"),
    "doubles": (decoding(sample(np.zeros((4, 5)))), "its feature is float64"),
    "four axes": (decoding(sample(np.zeros((1, 1, 4, 5), np.uint8))), "it must be uint8 or float32 with one to three"),
    "nothing in it": (decoding(sample(np.zeros((0, 5), np.uint8))), "at least one value"),
    "not finite": (decoding(sample(label=np.array([np.inf], np.float32))), "numbers that are not finite"),
    "a list of numbers": (decoding(sample(label=[1, 2])), "its label must be a numpy array"),
    "text": (decoding(sample("text")), "its feature must be a numpy array"),
    "unknown classes": (decoding(sample(counts={2: 1})), "counts classes that scan.labels does not name"),
    "samples by chance": (
        decoding(lambda entry: Sample(ALWAYS.random((4, 5), np.float32))), "makes another sample the second time",
    ),
    "one array for all": (decoding(rewriting()), "makes another sample|changes an array that it gave before"),
    "short rows of boxes": (
        changed(presentation=Presentation.BOXES, prepare=lambda *_: sample(label=np.zeros((2, 5), np.float32))),
        "shown as boxes it must be rows of 16 numbers",
    ),
    "a mask of another size": (
        changed(presentation=Presentation.MASK, prepare=lambda *_: sample(label=np.zeros((4, 4), np.uint8))),
        "shown as mask it must be",
    ),
    "one class too few": (
        changed(presentation=Presentation.CLASSES, prepare=lambda *_: sample(label=np.zeros(1, np.float32))),
        "shown as classes it must be one number for each label",
    ),
    "a form for nothing": (changed(entries_for=DataKind.entries_for), "entries_for: must make entries"),
    "entries for no form": (changed(inference=None), "inference: is None, although"),
    "no entries": (changed(entries_for=lambda *_: []), "entries_for: gives no entries"),
    "entries that cannot be decoded": (
        changed(entries_for=lambda *_: [Entry("a", "b")]), "decode of a: raises (TypeError|ValueError)",
    ),
    "files where there is nothing": (
        changed(InFolder, scan=Sound.scan), "finds 5 samples where there is nothing",
    ),
    "an error of another kind": (
        changed(InFolder, scan=raising(FileNotFoundError("x"))), "scan of nothing: raises FileNotFoundError",
    ),
    "an error without a field": (
        changed(InFolder, scan=raising(InputError("bad"))), "its error names no field of the form, such as folder: bad",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", BROKEN)
def test_each_defect_is_found(kind):
    broken, told = BROKEN[kind]
    with pytest.raises(AssertionError, match=told):
        assert_sound(broken)


def test_a_kind_of_files_is_checked_with_options_that_name_some(tmp_path):
    (tmp_path / "one").touch()
    assert check(InFolder()) == []
    assert check(InFolder(), FolderOptions(name="t", folder=str(tmp_path))) == []
    broken = changed(InFolder, prepare=lambda *_: sample(np.zeros((4, 5))))
    assert check(broken) == []  # without files nobody can know
    assert "float64" in str(check(broken, FolderOptions(name="t", folder=str(tmp_path)))[0])


def test_something_else_is_no_kind():
    assert [finding.about for finding in check(object())] == ["kind"]


def test_kinds_are_loaded_by_id_or_from_a_module(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "mine.py").write_text("def gradus_data_kinds():\n    return [1, 2]\n")
    (tmp_path / "empty.py").write_text("")
    (tmp_path / "wrong.py").write_text("import nothing_of_that_name\n")
    (tmp_path / "failing.py").write_text("1 / 0\n")
    assert load("text-classification") == [kinds()["text-classification"]]
    assert load("mine") == [1, 2]
    for name, error, told in (
        ("empty", InputError, "has no function gradus_data_kinds"), ("wrong", InputError, "needs nothing_of_that_name"),
        ("failing", InputError, "does not load: ZeroDivisionError"),
        ("absent", NotFoundError, "neither the id of a kind"),
        ("absent.sub", NotFoundError, "neither the id of a kind"),
    ):  # fmt: skip
        with pytest.raises(error, match=told):
            load(name)


def test_options_are_read_from_text():
    assert options_for(Sound(), {"count": "7"}).count == 7
    with pytest.raises(InputError) as caught:
        options_for(Sound(), {"count": "many"})
    assert caught.value.problem.field == "count"
    assert checking.HOOK == "gradus_data_kinds"
