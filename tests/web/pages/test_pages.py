"""What the server sends, without a browser: titles, empty states, forms that keep what was entered."""

import hashlib
import html
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

from gradus.core.classification import ClassificationOptions
from gradus.services import datasets, jobs, models
from gradus.web.pages.static import FOLDER, static_url, tree_hash

HOSTILE = '"><img src=x onerror=alert(1)>{{7*7}}'


class Elements(HTMLParser):
    """Every start tag of a page with its attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


@pytest.fixture
def browser(server):
    return server.browser()


@pytest.fixture
def dataset(server, pictures):
    options = ClassificationOptions(name="pets", train=str(pictures), width=8, height=8, group=HOSTILE)
    return datasets.create(server.house, options)


def test_first_run_tells_the_three_steps(browser) -> None:
    answer = browser.get("/")
    assert answer.status_code == 200
    assert "gradus sample shapes" in answer.text
    assert "No datasets yet" in answer.text


def test_nothing_in_a_page_breaks_the_content_policy(browser, dataset) -> None:
    for path in ("/", "/jobs", "/datasets/new/classification", "/models/new/classification", f"/datasets/{dataset.id}"):
        elements = Elements()
        elements.feed(browser.get(path).text)
        for tag, attributes in elements.seen:
            assert not [name for name in attributes if name == "style" or name.startswith("on")], path
            assert tag != "style"
            assert tag != "script" or (attributes["src"] or "").startswith("/static/")
            assert not (attributes.get("src") or attributes.get("href") or "").startswith(("http", "//")), path


def test_lists_filter_sort_and_keep_their_state(browser, server, dataset) -> None:
    answer = browser.get("/", params={"tab": "datasets", "q": "pet", "sort": "name"})
    assert f"/datasets/{dataset.id}" in answer.text
    assert 'aria-sort="ascending"' in answer.text
    assert "Nothing is called “zebra”" in browser.get("/", params={"tab": "datasets", "q": "zebra"}).text
    assert browser.get("/", params={"cursor": "not a cursor"}).status_code == 422


def test_a_part_comes_without_the_frame(browser) -> None:
    answer = browser.get("/jobs", headers={"HX-Request": "true"})
    assert "<main>" in answer.text
    assert "<script" not in answer.text
    assert "<link" not in answer.text


def test_a_wrong_form_comes_back_with_everything_and_says_where(browser, pictures) -> None:
    sent = {"name": HOSTILE, "train": "/etc", "width": "nan", "height": "", "channels": "1", "group": "my group"}
    answer = browser.post("/datasets/new/classification", data=sent)
    assert answer.status_code == 422
    assert html.escape(HOSTILE).replace("&#x27;", "&#39;").replace("&quot;", "&#34;") in answer.text
    assert 'value="my group"' in answer.text
    assert 'value="nan"' in answer.text
    for field in ("train", "width", "height"):
        assert f'<a href="#{field}">' in answer.text
        assert f'aria-describedby="{field}' in answer.text
    assert '<input type="radio" name="channels" value="1" checked' in answer.text


def test_a_right_form_makes_a_dataset_and_can_be_cloned(browser, pictures) -> None:
    sent = {"name": "Cats and dogs", "train": str(pictures), "width": "12", "height": "10", "maximum_per_class": ""}
    answer = browser.post("/datasets/new/classification", data=sent)
    assert answer.status_code == 303
    page = browser.get(answer.headers["location"])
    assert "<title>Cats and dogs · Gradus</title>" in page.text
    assert "Waiting" in page.text
    clone = browser.get("/datasets/new/classification", params={"clone": answer.headers["location"].rsplit("/", 1)[1]})
    assert 'value="Cats and dogs copy"' in clone.text
    assert 'value="12"' in clone.text


def test_separate_folders_are_part_of_the_form(browser, server, pictures) -> None:
    sent = {"name": "n", "train": str(pictures), "validation": str(pictures), "test": "/etc", "test_percent": "10"}
    refused = browser.post("/datasets/new/classification", data=sent)
    assert refused.status_code == 403
    assert '<a href="#test">' in refused.text
    opened = re.findall('<details class="more" open><summary>([^<]*)', refused.text)
    assert opened == ["Separate validation images", "Separate test images"]
    made = browser.post("/datasets/new/classification", data={**sent, "test": "", "validation_maximum_per_class": "4"})
    options = datasets.options_of(server.house, made.headers["location"].rpartition("/")[2])
    assert (options.validation, options.validation_maximum_per_class) == (str(pictures), 4)
    page = browser.get(made.headers["location"]).text
    assert f'<dt class="is-long">Validation Images</dt><dd class="mono is-long">{pictures}</dd>' in page
    assert "<dt>% for testing</dt><dd>10 %</dd>" in page
    assert "Not used: it has pictures of its own" in page


def test_lists_are_sent_with_the_form(server, pictures) -> None:
    """As a browser without scripts sends them: in parts, with the session's token in a field."""
    browser = server.browser()
    sent = {
        "csrf": browser.headers.pop("X-CSRF-Token"),
        "name": "n",
        "method": "textfile",
        "shuffle": "false",
        "train": "",
    }
    lines = "".join(f"{pictures}/cat/{i}.png 0\n{pictures}/dog/{i}.png 1\n" for i in range(6)).encode()
    parts = [(name, (None, value)) for name, value in sent.items()]
    parts += [
        ("train_upload", ("list.txt", lines)),
        ("validation_upload", ("", b"")),
        ("labels_upload", ("l.txt", b"a\nb")),
    ]
    refused = browser.post("/datasets/new/classification", files=[*parts, ("width", (None, "0"))])
    assert refused.status_code == 422
    assert re.search('value="upload:[0-9a-f]{32}/list.txt"', refused.text)  # need not be sent again
    made = browser.post("/datasets/new/classification", files=parts)
    options = datasets.options_of(server.house, made.headers["location"].rpartition("/")[2])
    assert (options.shuffle, options.validation) == (False, "")
    assert options.train.startswith("upload:")
    page = browser.get(made.headers["location"]).text
    assert "<dt>Shuffle lines</dt><dd>No</dd>" in page
    clone = browser.get("/datasets/new/classification", params={"clone": made.headers["location"].rpartition("/")[2]})
    assert options.train in clone.text
    assert 'name="shuffle" value="false" checked' in clone.text


def test_an_archive_is_sent_with_the_form(browser, server, pictures, tmp_path) -> None:
    packed = shutil.make_archive(str(tmp_path / "pets"), "zip", pictures)
    files = {"train_upload": ("pets.zip", Path(packed).read_bytes())}
    sent = {"name": "n", "method": "archive", "train": "", "width": "8", "height": "8"}
    shown = browser.post("/datasets/new/classification/example", data=sent, files=files)
    assert "12 pictures in 2 classes" in shown.text
    made = browser.post("/datasets/new/classification", data=sent, files=files)
    options = datasets.options_of(server.house, made.headers["location"].rpartition("/")[2])
    assert options.train.endswith("/pets.zip")
    refused = browser.post("/datasets/new/classification", data=sent, files={"train_upload": ("pets.zip", b"GIF89a")})
    assert refused.status_code == 422
    assert "neither a zip nor a tar" in refused.text


def test_a_table_is_sent_with_the_form(browser, server, pictures) -> None:
    rows = "".join(f'{{"path": "{label}/{i}.png", "label": "{label}"}}\n' for i in range(6) for label in ("cat", "dog"))
    files = {"train_upload": ("t.jsonl", (rows + "odd\n").encode())}
    sent = {"name": "n", "method": "manifest", "train": "", "width": "8", "height": "8", "image_folder": str(pictures)}
    shown = browser.post("/datasets/new/classification/example", data=sent, files=files)
    assert "12 pictures in 2 classes" in shown.text
    assert "t.jsonl, line 13" in shown.text
    made = browser.post("/datasets/new/classification", data=sent, files=files)
    page = browser.get(made.headers["location"]).text
    assert f'<dt class="is-long">Image folder</dt><dd class="mono is-long">{pictures}</dd>' in page
    assert "<dt>Minimum samples per class</dt>" in page
    assert '<dt class="is-long">Training Images</dt><dd class="mono is-long">t.jsonl (sent)</dd>' in page
    outside = browser.post("/datasets/new/classification", data=sent | {"image_folder": "/etc"}, files=files)
    assert outside.status_code == 403


def test_groups_are_part_of_the_form(browser, server, pictures) -> None:
    sent = {"name": "n", "train": str(pictures), "group_by": "expression", "group_expression": "("}
    refused = browser.post("/datasets/new/classification", data=sent)
    assert refused.status_code == 422
    assert '<a href="#group_expression">' in refused.text
    made = browser.post("/datasets/new/classification", data=sent | {"group_expression": "<i>(.)"})
    page = browser.get(made.headers["location"]).text
    assert "<dt>Keep together</dt><dd>By expression</dd>" in page
    assert "<dt>Expression</dt><dd>&lt;i&gt;(.)</dd>" in page


def test_example_shows_pictures_and_counts(browser, pictures) -> None:
    answer = browser.post(
        "/datasets/new/classification/example", data={"train": str(pictures), "width": "8", "height": "8"}
    )
    assert answer.text.count('<img src="data:image/png;base64,') == 12
    assert "12 pictures in 2 classes" in answer.text
    refused = browser.post("/datasets/new/classification/example", data={"train": "/etc", "width": "8", "height": "8"})
    assert "notice is-error" in refused.text


def test_model_form_says_what_is_wrong_with_the_text_and_keeps_it(browser, dataset) -> None:
    sent = {
        "name": "m",
        "dataset": dataset.id,
        "network": "custom",
        "network_text": "layer {\n  broken\n}",
        "epochs": "3",
    }
    answer = browser.post("/models/new/classification", data=sent)
    assert answer.status_code == 422
    assert 'data-problem-line="2"' in answer.text
    assert "layer {\n  broken\n}" in answer.text
    checked = browser.post("/models/new/classification/check", data=sent).json()
    assert checked["graph"] is None
    assert checked["problems"][0]["line"] == 2
    assert (
        browser.post("/models/new/classification/check", data={**sent, "network": "lenet"}).json()["graph"]["name"]
        == "net"
    )


@pytest.mark.parametrize(("size", "told"), [(1_500_000, "Line 2"), (4_300_000, "at most 4194304 characters")])
def test_a_long_text_is_kept_too(browser, dataset, size, told) -> None:
    """A form's field may have 1 MiB if nothing else is said."""
    sent = {"name": "kept name", "dataset": dataset.id, "network": "custom", "epochs": "3"}
    text = f"#{'x' * size}\nbroken"
    answer = browser.post("/models/new/classification", data={**sent, "network_text": text})
    assert answer.status_code == 422
    assert told in answer.text
    assert "kept name" in answer.text
    assert text in answer.text


def test_the_lines_of_a_form_end_as_everywhere_else(browser, server, dataset) -> None:
    sent = {
        "name": "m",
        "dataset": dataset.id,
        "network": "custom",
        "network_text": "name: 'a'\r\n# b\r\n",
        "epochs": "3",
    }
    answer = browser.post("/models/new/classification", data=sent, follow_redirects=False)
    made = models.options_of(server.house, answer.headers["location"].rpartition("/")[2])
    assert made.network_text == "name: 'a'\n# b\n"


def test_the_text_of_a_network_that_was_not_chosen_is_not_used(browser, server, dataset) -> None:
    sent = {"name": "m", "dataset": dataset.id, "network": "lenet", "network_text": "broken", "epochs": "3"}
    answer = browser.post("/models/new/classification", data=sent)
    assert answer.status_code == 303
    page = browser.get(answer.headers["location"]).text
    assert "Waiting" in page
    for tab in ("charts", "test", "network", "files", "log"):
        assert browser.get(f"{answer.headers['location']}/{tab}").status_code == 200


def test_python_layers_come_as_a_file_or_as_text(server, dataset) -> None:
    """With a form as a browser without scripts sends it: in parts, with the session's token in a field."""
    browser = server.browser()
    token = browser.headers.pop("X-CSRF-Token")
    sent = {
        "csrf": token, "name": "m", "dataset": dataset.id, "network": "custom", "network_text": "name: 'a'",
        "epochs": "3", "python_layers": "# typed",
    }  # fmt: skip
    for file, kept in (
        (b"# caf\xc3\xa9\r\nx = 1\n", "# caf\N{LATIN SMALL LETTER E WITH ACUTE}\nx = 1\n"),
        (b"", "# typed"),
    ):
        parts = [(name, (None, value)) for name, value in sent.items()]
        parts.append(("python_layers_file", ("mine.py" if file else "", file)))
        answer = browser.post("/models/new/classification", files=parts, follow_redirects=False)
        assert answer.status_code == 303
        made = answer.headers["location"].rpartition("/")[2]
        assert models.options_of(server.house, made).python_layers == kept
    clone = browser.get("/models/new/classification", params={"clone": made}).text
    assert "# typed" in clone
    assert 'enctype="multipart/form-data"' in clone


def test_python_layers_belong_to_a_custom_network(browser, server, dataset) -> None:
    sent = {"name": "m", "dataset": dataset.id, "network": "lenet", "python_layers": "x = 1", "epochs": "3"}
    answer = browser.post("/models/new/classification", data=sent, follow_redirects=False)
    assert models.options_of(server.house, answer.headers["location"].rpartition("/")[2]).python_layers == ""
    refused = browser.post("/models/new/classification", data={**sent, "epochs": "0"})
    assert "x = 1" in refused.text


def test_rename_notes_abort_and_delete(browser, server, dataset) -> None:
    url = f"/datasets/{dataset.id}"
    assert browser.post(f"{url}/edit", data={"name": HOSTILE, "notes": "seen"}).headers["location"] == url
    assert jobs.get(server.house, dataset.id).name == HOSTILE
    assert "<img src=x" not in browser.get(url).text
    assert browser.post(f"{url}/edit", data={"notes": "x", "back": "//evil.example"}).headers["location"] == url
    assert browser.post(f"{url}/abort").status_code == 303
    assert "Aborted" in browser.get(url).text
    assert browser.post(f"{url}/delete").headers["location"] == "/?tab=datasets"
    assert browser.get(url).status_code == 404


def test_a_page_that_is_not_there_helps(browser) -> None:
    answer = browser.get("/no/such/page")
    assert answer.status_code == 404
    assert "There is nothing here" in answer.text
    assert 'href="/"' in answer.text
    assert browser.get("/jobs/20260101-000000-0123456789").status_code == 404


def test_static_files_are_kept_for_long_and_nothing_else_is_served(browser) -> None:
    answer = browser.get(static_url("js/app.js"))
    assert answer.headers["content-type"].startswith("text/javascript")
    assert "immutable" in answer.headers["cache-control"]
    assert browser.get("/static/000000000000/js/app.js").headers["cache-control"] == "no-cache"
    for path in ("../pages/static.py", "%2e%2e/pages/static.py", "js/nothing.js"):
        assert browser.get(f"/static/{tree_hash()}/{path}").status_code == 404


def test_vendored_files_are_those_of_the_manifest() -> None:
    vendor = FOLDER / "vendor"
    manifest = json.loads((vendor / "MANIFEST.json").read_text())
    listed = {entry["file"]: entry["sha256"] for entry in manifest["files"]}
    there = {path.name for path in vendor.iterdir() if path.is_file()} - {"MANIFEST.json"}
    assert there == set(listed)
    for name, digest in listed.items():
        assert hashlib.sha256((vendor / name).read_bytes()).hexdigest() == digest
    for package in manifest["packages"]:
        assert (vendor / package["text"]).read_text().strip()
