from __future__ import annotations

import stat
from pathlib import Path

import pytest

from gradus.core.errors import GradusError, NotFoundError
from gradus.jobs.home import Home
from gradus.jobs.store import Store
from gradus.services import auth
from gradus.services.auth import DeniedError, Keys, TooManyTriesError, read_local_key, read_start_token


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def store(home: Home) -> Store:
    return Store(home)


@pytest.fixture
def keys(home: Home, store: Store) -> Keys:
    return Keys(home, store.access)


def test_secrets_have_256_bits_and_are_for_their_owner_only(home: Home, keys: Keys) -> None:
    assert len(keys.start_token) >= 43  # 32 bytes in base64
    for name in ("token", "local.key"):
        assert stat.S_IMODE((home.auth / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(home.auth.stat().st_mode) == 0o700
    assert read_start_token(home) == keys.start_token
    assert read_local_key(home) == keys.local_key


def test_a_token_is_exchanged_for_a_session_and_that_can_be_closed(keys: Keys) -> None:
    cookie, caller = keys.sign_in(keys.start_token, "a")
    assert keys.session(cookie) == caller == keys.recall(cookie, "session")
    assert caller.csrf
    assert not caller.unrestricted
    other, _ = keys.sign_in(keys.start_token, "a")
    keys.sign_out(caller)
    assert keys.session(cookie) is None
    assert keys.recall(cookie, "session") is None
    assert keys.session(other) is not None


def test_a_session_outlives_the_server_and_the_database_has_no_secret(home: Home, store: Store, keys: Keys) -> None:
    cookie, caller = keys.sign_in(keys.start_token, "a")
    again = Keys(home, store.access)
    assert again.start_token == keys.start_token
    assert again.session(cookie) == caller
    content = b"".join(path.read_bytes() for path in home.path.glob("gradus.db*"))
    assert cookie.encode() not in content
    assert keys.start_token.encode() not in content


def test_a_session_is_not_a_bearer_token_and_the_other_way_round(keys: Keys) -> None:
    cookie, _ = keys.sign_in(keys.start_token, "a")
    with pytest.raises(DeniedError):
        keys.bearer(cookie, "a")
    keys.bearer(keys.start_token, "a")
    assert keys.session(keys.start_token) is None
    assert keys.recall(keys.start_token, "session") is None
    assert keys.recall(cookie, "token") is None


def test_rotating_ends_the_old_token_and_its_sessions(keys: Keys) -> None:
    old = keys.start_token
    cookie, _ = keys.sign_in(old, "a")
    secret, _ = keys.add_token("script")
    mine, _ = keys.sign_in(secret, "a")
    assert keys.rotate() == keys.start_token != old
    with pytest.raises(DeniedError):
        keys.bearer(old, "a")
    assert keys.session(cookie) is None
    assert keys.session(mine) is not None


def test_api_tokens_work_until_they_are_revoked(store: Store, keys: Keys) -> None:
    secret, token = keys.add_token("script")
    assert keys.bearer(secret, "a").kind == "token"
    assert [(t.name, t.used is not None) for t in keys.tokens()] == [("script", True)]
    keys.remove_token(token.digest[:16])
    with pytest.raises(DeniedError):
        keys.bearer(secret, "a")
    with pytest.raises(NotFoundError):
        keys.remove_token(token.digest[:16])
    with pytest.raises(NotFoundError):
        keys.remove_token("")


def test_the_local_key_names_any_path_and_ends_with_the_server(home: Home, keys: Keys) -> None:
    assert keys.bearer(keys.local_key, "a").unrestricted
    keys.close()
    assert read_local_key(home) is None


def test_ten_wrong_tokens_in_a_minute_are_enough(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(10):
        with pytest.raises(DeniedError):
            keys.bearer(f"wrong-token-number-{number}", "a")
    with pytest.raises(TooManyTriesError):
        keys.bearer(keys.start_token, "a")
    assert keys.bearer(keys.start_token, "b").kind == "token"
    now = auth.time.monotonic()
    monkeypatch.setattr(auth.time, "monotonic", lambda: now + 61)
    assert keys.bearer(keys.start_token, "a").kind == "token"


def test_an_old_token_in_a_loop_does_not_lock_its_owner_out(keys: Keys) -> None:
    for _ in range(50):
        with pytest.raises(DeniedError):
            keys.bearer("the-token-of-yesterday", "a")
    assert keys.bearer(keys.start_token, "a").kind == "token"


@pytest.mark.parametrize("text", ["", " ", "é" * 40, "x\0" * 20, "x" * 100_000, "'; drop table tokens; --"])
def test_anything_may_be_shown(keys: Keys, text: str) -> None:
    with pytest.raises(DeniedError):
        keys.bearer(text, "a")
    assert keys.session(text) is None


def test_a_token_from_the_settings_is_not_written_down(home: Home, store: Store) -> None:
    keys = Keys(home, store.access, token="given-by-the-owner")
    assert keys.start_token == "given-by-the-owner"
    assert not (home.auth / "token").exists()
    with pytest.raises(GradusError, match="GRADUS_TOKEN"):
        keys.rotate()


def test_the_address_has_the_token_unless_the_house_is_open(home: Home, store: Store, keys: Keys) -> None:
    assert keys.start_url("http://127.0.0.1:1") == f"http://127.0.0.1:1/?token={keys.start_token}"
    assert Keys(home, store.access, open_house=True).start_url("http://127.0.0.1:1") == "http://127.0.0.1:1"
