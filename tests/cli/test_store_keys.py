from __future__ import annotations

from pathlib import Path

import pytest

from gradus.cli.store_keys import store_keys
from gradus.core.errors import InputError

AWS = "[default]\naws_access_key_id = AKIA1\naws_secret_access_key = s%cr=t/1\n\n[lab]\naws_access_key_id=AKIA2\naws_secret_access_key=two\naws_session_token=lent\n"  # noqa: E501


@pytest.fixture(autouse=True)
def _nothing_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "credentials").write_text(AWS)
    return tmp_path / "credentials"


def test_a_file_as_aws_writes_it(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = store_keys(file)
    assert keys is not None
    assert (keys.access_key, keys.secret_key, keys.session_token) == ("AKIA1", "s%cr=t/1", None)
    monkeypatch.setenv("AWS_PROFILE", "lab")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "of the environment")
    keys = store_keys(file)
    assert keys is not None
    assert (keys.access_key, keys.secret_key, keys.session_token) == ("AKIA2", "two", "lent")


@pytest.mark.parametrize(
    "text", ["", "no section", "[default]\naws_access_key_id = AKIA1\n", "[other]\na = b\n", "\xff"]
)
def test_a_file_without_keys_is_told_without_what_is_in_it(tmp_path: Path, text: str) -> None:
    (tmp_path / "keys").write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match=r"no keys in \[default\]") as error:
        store_keys(tmp_path / "keys")
    assert "AKIA1" not in error.value.problem.model_dump_json()


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read") as error:
        store_keys(tmp_path / "none")
    assert error.value.problem.field == "s3_credentials"


def test_keys_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert store_keys(None) is None
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA3")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "three")
    keys = store_keys(None)
    assert keys is not None
    assert (keys.access_key, keys.secret_key) == ("AKIA3", "three")


def test_keys_of_a_profile(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    monkeypatch.setenv("AWS_PROFILE", "lab")
    keys = store_keys(None)
    assert keys is not None and keys.access_key == "AKIA2"
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(InputError, match="cannot be found"):
        store_keys(None)
