"""Kinds of datasets over REST: what there is, what each asks for, and bodies of any of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from gradus.plugins import manager
from gradus.plugins.manager import Plugin
from gradus.services import datasets, kinds

KINDS = [kind.id for kind in kinds.listing()]


@pytest.fixture
def table(server) -> Path:
    path = server.data / "texts.csv"
    path.write_text("".join(f"{1 + n % 2},text {n}\n" for n in range(8)))
    return path


def test_kinds_are_described_with_what_they_ask_for(server) -> None:
    found = {kind["id"]: kind for kind in server.program().get("/api/v1/kinds").json()}
    assert next(iter(found)) == "classification"
    assert set(found) == set(KINDS)
    asked = found["text-classification"]["options"]
    assert asked["properties"]["max_chars_per_sample"]["default"] == 1024
    assert {"name", "train_data_file"} <= set(asked["required"])


def test_the_description_of_the_api_has_a_body_for_every_kind(server) -> None:
    described = server.program().get("/api/v1/openapi.json").json()
    body = described["paths"]["/api/v1/datasets"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    body = described["components"]["schemas"][body["$ref"].rpartition("/")[2]] if "$ref" in body else body
    mapping = body["discriminator"]["mapping"]
    assert body["discriminator"]["propertyName"] == "type"
    assert set(mapping) == set(KINDS)
    for reference in mapping.values():
        properties = described["components"]["schemas"][reference.rpartition("/")[2]]["properties"]
        assert {"name", "type"} <= set(properties)
    assert {part["$ref"] for part in body["oneOf"]} == set(mapping.values())


def test_a_dataset_of_any_kind_is_made(server, table) -> None:
    program = server.program()
    body = {"type": "text-classification", "name": "t", "train_data_file": str(table), "max_chars_per_sample": 20}
    shown = program.post("/api/v1/datasets/example", json=body).json()
    assert shown["counts"] == {"train": 6, "val": 2}
    assert shown["samples"][0]["label"]["text"] == "text 0"
    made = program.post("/api/v1/datasets", json=body)
    assert made.status_code == 201
    assert made.json()["type"] == "text-classification"
    assert datasets.options_of(server.house, made.json()["id"]).model_dump()["max_chars_per_sample"] == 20


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"type": "no-such-kind", "name": "n"}, "type"),
        ({"type": 3, "name": "n"}, "type"),
        ({"type": "text-classification", "name": "n"}, "train_data_file"),
        ({"type": "text-classification", "name": "n", "train_data_file": "x", "width": 3}, "width"),
        ({"type": "text-classification", "name": "n", "train_data_file": "x", "batch_size": "32"}, "batch_size"),
        ({"name": "n"}, "train"),  # of classification, as bodies have been without a type
        ([], "body"),
    ],
)
def test_what_is_wrong_with_a_body_is_told_by_field(server, body, field) -> None:
    answer = server.program().post("/api/v1/datasets", json=body)
    assert answer.status_code == 422
    assert field in [problem["field"] for problem in answer.json()["errors"]]


def test_an_unknown_kind_is_told_with_those_that_there_are(server) -> None:
    told = server.program().post("/api/v1/datasets", json={"type": "no-such-kind"}).json()["errors"][0]["message"]
    assert all(kind in told for kind in KINDS)


def test_a_plugin_that_does_not_load_is_told_and_all_else_works(server, monkeypatch) -> None:
    broken = Plugin("image-volumes", "gradus-volumes", "1.2", error="ImportError: no module named nibabel <b>")
    found = (*manager.plugins(), broken)
    monkeypatch.setattr(manager, "plugins", lambda: found)
    page = server.browser().get("/plugins")
    assert page.status_code == 200
    assert "image-volumes does not load" in page.text
    assert "ImportError: no module named nibabel &lt;b&gt;" in page.text
    for kind in KINDS:
        assert f'href="/datasets/new/{kind}"' in page.text
    listed = server.program().get("/api/v1/plugins").json()
    assert listed[-1] == {
        "name": "image-volumes", "distribution": "gradus-volumes", "version": "1.2", "kinds": [],
        "error": "ImportError: no module named nibabel <b>",
    }  # fmt: skip
    assert server.browser().get("/datasets/new/text-classification").status_code == 200


def test_the_menu_has_every_kind_by_category(server) -> None:
    page = server.browser().get("/").text
    for kind in kinds.listing():
        assert f'<a href="/datasets/new/{kind.id}"' in page
        assert f"New dataset · {kind.category}" in page
