from __future__ import annotations

import io
from pathlib import Path

import pytest

from gradus.core.errors import InputError
from gradus.data.remote.outline import outline
from gradus.data.remote.web_folder import MAX_DEPTH, WebFolder


def page(*names: str) -> str:
    return "<h1>Index of /</h1><pre><a href='../'>../</a>" + "".join(f'<a href="{n}">{n}</a>\n' for n in names)


def quiet(_found: int) -> None:
    pass


def files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


@pytest.fixture
def pets(site):
    site.pages |= {
        "/pets": (301, {"Location": "/pets/"}, b""),
        "/pets/": page("cat/", "guinea%20pig/", "readme.txt"),
        "/pets/cat/": page("1.png", "2.JPG", "young/", "notes.txt"),
        "/pets/cat/young/": page("3.png"),
        "/pets/guinea%20pig/": page("a%26b.png", "%C3%BC.png"),
        "/pets/guinea%20pig/a&b.png": b"and",
        "/pets/guinea%20pig/%C3%BC.png": b"umlaut",
    }
    return site


def test_an_outline_has_the_pictures_of_all_pages(fetcher, pets, tmp_path: Path) -> None:
    folder = WebFolder(fetcher(pets.port), f"{pets.url}/pets", "train")
    assert folder.shown == f"{pets.url}/pets/"
    assert outline(folder, tmp_path / "to", "train", quiet) == []
    assert files(tmp_path / "to") == ["cat/1.png", "cat/2.JPG", "cat/young/3.png",
                                      "guinea pig/a&b.png", "guinea pig/ü.png"]  # fmt: skip
    assert sorted(pets.asked) == sorted(
        ["/pets", "/pets/", "/pets/cat/", "/pets/guinea%20pig/", "/pets/cat/young/"]
    )  # no picture yet, and each page once


def test_pictures_are_fetched_by_their_names(fetcher, pets) -> None:
    folder = WebFolder(fetcher(pets.port), f"{pets.url}/pets/", "train")
    for name, content in (("guinea pig/a&b.png", b"and"), ("guinea pig/ü.png", b"umlaut")):
        into = io.BytesIO()
        folder.fetch(name, into)
        assert into.getvalue() == content


def test_a25_pages_that_list_themselves_and_their_parents(fetcher, site, tmp_path: Path) -> None:
    site.pages |= {
        "/a/": page("./", "/a/", "/", "../a/", "loop/", "b/", "1.png"),
        "/a/b/": page("../", "/a/", "/a/b/", "2.png"),
        "/a/loop/": (302, {"Location": "/a/"}, b""),
    }
    folder = WebFolder(fetcher(site.port), f"{site.url}/a/", "train")
    outline(folder, tmp_path / "to", "train", quiet)
    assert files(tmp_path / "to") == ["1.png", "b/2.png"]
    assert len(site.asked) == 4  # /a/, /a/b/, /a/loop/ and where that leads


def test_a25_a_sub_folder_that_is_redirected_above_the_start_or_away(fetcher, site, listener, tmp_path: Path) -> None:
    other = listener()
    site.pages |= {
        "/a/": page("up/", "b/"),
        "/a/up/": (302, {"Location": "/"}, b""),
        "/": page("secret.png"),
        "/a/b/": page("2.png"),
    }
    folder = WebFolder(fetcher(site.port), f"{site.url}/a/", "train")
    outline(folder, tmp_path / "to", "train", quiet)
    assert files(tmp_path / "to") == ["b/2.png"]
    site.pages["/a/up/"] = (302, {"Location": f"http://127.0.0.1:{other.port}/"}, b"")
    with pytest.raises(InputError):
        outline(WebFolder(fetcher(site.port), f"{site.url}/a/", "train"), tmp_path / "again", "train", quiet)
    assert other.connections == 0


def test_a25_folders_without_end(fetcher, site, tmp_path: Path) -> None:
    endless = {f"/a/{'b/' * depth}": page("b/", f"{depth}.png") for depth in range(30)}
    site.pages |= endless
    folder = WebFolder(fetcher(site.port), f"{site.url}/a/", "train")
    outline(folder, tmp_path / "to", "train", quiet)
    assert len(files(tmp_path / "to")) == MAX_DEPTH + 1
    assert len(site.asked) == MAX_DEPTH + 1


def test_a25_more_names_than_are_read(fetcher, site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gradus.data.remote.outline.MAX_NAMES", 100)
    site.pages["/a/"] = page(*(f"{i}.txt" for i in range(101)))
    with pytest.raises(InputError, match="more than 100") as error:
        outline(WebFolder(fetcher(site.port), f"{site.url}/a/", "train"), tmp_path / "to", "train", quiet)
    assert error.value.problem.field == "train"


def test_names_that_no_file_here_can_have(fetcher, site, tmp_path: Path) -> None:
    long = "x" * 252 + ".png"
    site.pages |= {"/a/": page("b/", "b", long, "ok.png"), "/a/b/": page("1.png"), "/a/b.png/": page()}
    bad = outline(WebFolder(fetcher(site.port), f"{site.url}/a/", "train"), tmp_path / "to", "train", quiet)
    assert [each.file for each in bad] == [long]
    assert "too long" in bad[0].reason
    assert files(tmp_path / "to") == ["b/1.png", "ok.png"]


def test_a_page_that_cannot_be_read_is_named_with_its_field(fetcher, site, tmp_path: Path) -> None:
    site.pages |= {"/a/": page("cat/", "dog/"), "/a/cat/": page("1.png"), "/a/dog/": (403, {}, b"")}
    with pytest.raises(InputError, match=r"/a/dog/ cannot be listed.*not allow") as error:
        outline(WebFolder(fetcher(site.port), f"{site.url}/a/", "validation"), tmp_path / "to", "validation", quiet)
    assert error.value.problem.field == "validation"


def test_the_watcher_may_end_it(fetcher, pets, tmp_path: Path) -> None:
    class Enough(Exception):
        pass

    def watch(found: int) -> None:
        raise Enough

    folder = WebFolder(fetcher(pets.port), f"{pets.url}/pets/", "train")
    with pytest.raises(Enough):
        outline(folder, tmp_path / "to", "train", watch)
    assert folder.halt.is_set()
