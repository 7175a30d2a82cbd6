"""Datasets from a web server and from a store, made by commands with real workers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

SECRET = "wJalrXUtnFEMIsecretK7MDENGbPxRfiCYEXAMPLE"
KEYS = f"[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = {SECRET}\n"


def holding(folder: Path, text: str) -> list[str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return [str(path) for path in files if text.encode() in path.read_bytes()]


def test_pictures_of_a_store_and_of_a_web_server_give_the_same_dataset(
    gradus: Any, tmp_path: Path, store: str, bucket_of_pets: Any, site: Any, make_pictures: Callable[..., Path]
) -> None:
    home, folder = tmp_path / "home", make_pictures(tmp_path / "pets")
    site.pages["/"] = '<a href="cat/">cat/</a><a href="dog/">dog/</a>'
    for name in ("cat", "dog"):
        site.pages[f"/{name}/"] = "".join(f'<a href="{i}.png">{i}</a>' for i in range(6))
        for i in range(6):
            content = (folder / name / f"{i}.png").read_bytes()
            site.pages[f"/{name}/{i}.png"] = content
            bucket_of_pets.put_object(Bucket="pets", Key=f"set/{name}/{i}.png", Body=content)
    (tmp_path / "keys").write_text(KEYS)
    size = ("--width", 16, "--height", 16)
    web = gradus(
        "dataset", "create", "classification", "--name", "web", "--train", f"http://127.0.0.1:{site.port}/", *size,
        home=home,
    )  # fmt: skip
    assert web.returncode == 0, web.stderr
    made = gradus(
        "dataset", "create", "classification", "--name", "s3", "--method", "s3", "--s3-endpoint", store,
        "--s3-bucket", "pets", "--s3-path", "set", "--s3-credentials", tmp_path / "keys", *size, home=home,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    databases = [(home / "jobs" / ran.stdout.strip() / "train_db" / "data.mdb").read_bytes() for ran in (web, made)]
    assert databases[0] == databases[1]
    assert holding(home, SECRET) == []
    assert SECRET not in made.stdout + made.stderr


def test_what_is_wrong_elsewhere_is_told_with_the_option(gradus: Any, tmp_path: Path, site: Any, store: str) -> None:
    create = ("dataset", "create", "classification", "--name", "n")
    refused = gradus(*create, "--train", f"http://127.0.0.1:{site.port}/none/", home=tmp_path / "home")
    assert refused.returncode == 2
    assert "--train" in refused.stderr and "no such thing (404)" in refused.stderr
    refused = gradus(
        *create, "--method", "s3", "--s3-endpoint", store, "--s3-bucket", "nowhere", home=tmp_path / "home"
    )
    assert refused.returncode == 2
    assert "--s3-bucket" in refused.stderr and "no such bucket" in refused.stderr
