"""Datasets from elsewhere over REST: what is allowed, and where keys go."""

from __future__ import annotations

from typing import Any

SECRET = "wJalrXUtnFEMIsecretK7MDENGbPxRfiCYEXAMPLE"
KEYS = {"access_key": "AKIAIOSFODNN7EXAMPLE", "secret_key": SECRET}


def test_keys_are_sent_and_answered_by_a_reference(server: Any) -> None:
    sent = server.program().post("/api/v1/secrets", json=KEYS)
    assert sent.status_code == 201
    assert sent.json()["reference"].startswith("secret:")
    assert SECRET not in sent.text
    assert server.client().post("/api/v1/secrets", json=KEYS).status_code == 401


def test_keys_that_are_none_are_not_told_again(server: Any) -> None:
    for body in ({**KEYS, "access_key": ""}, {**KEYS, "other": SECRET}, {**KEYS, "access_key": f"{SECRET} blank"}):
        refused = server.program().post("/api/v1/secrets", json=body)
        assert refused.status_code == 422
        assert SECRET not in refused.text


def test_an_address_of_this_machine_is_for_its_owner_only(server: Any, site: Any) -> None:
    site.pages |= {"/": '<a href="cat/">cat/</a><a href="dog/">dog/</a>', "/cat/": "", "/dog/": ""}
    body = {"name": "n", "train": f"http://127.0.0.1:{site.port}/", "hosts": None}
    for path in ("/api/v1/datasets", "/api/v1/datasets/preview"):
        refused = server.program().post(path, json=body)
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["code"] == "address_not_allowed"
        assert refused.json()["errors"][0]["field"] == "train"
    assert site.asked == []
    assert server.owner().post("/api/v1/datasets", json=body).status_code == 201
    assert site.asked == ["/"]


def test_a_store_of_this_machine_is_for_its_owner_only(server: Any, store: str, bucket_of_pets: Any) -> None:
    for key in ("cat/1.png", "dog/1.png"):
        bucket_of_pets.put_object(Bucket="pets", Key=key, Body=b"x")
    reference = server.program().post("/api/v1/secrets", json=KEYS).json()["reference"]
    body = {"name": "n", "method": "s3", "s3_endpoint": store, "s3_bucket": "pets", "s3_credentials": reference}
    refused = server.program().post("/api/v1/datasets", json=body)
    assert refused.json()["errors"][0]["code"] == "address_not_allowed"
    made = server.owner().post("/api/v1/datasets", json=body)
    assert made.status_code == 201
    shown = server.owner().get(f"/api/v1/datasets/{made.json()['id']}")
    assert SECRET not in shown.text and KEYS["access_key"] not in shown.text
    assert shown.json()["options"]["train"] == "s3://pets/"


def test_a_form_that_is_shown_again_holds_a_reference_and_no_keys(server: Any, store: str) -> None:
    form = {
        "name": "n", "method": "s3", "s3_endpoint": store, "s3_bucket": "pets",
        "s3_credentials_access_key": KEYS["access_key"], "s3_credentials_secret_key": SECRET,
    }  # fmt: skip
    for path in ("", "/example"):
        shown = server.browser().post(f"/datasets/new/classification{path}", data=form)
        assert "Nothing is fetched from there" in shown.text
        assert SECRET not in shown.text and KEYS["access_key"] not in shown.text
        assert path or 'value="secret:' in shown.text
    half = server.browser().post("/datasets/new/classification", data={**form, "s3_credentials_secret_key": ""})
    assert half.status_code == 422
    assert "must be an access key and a secret key" in half.text
    assert KEYS["access_key"] not in half.text
