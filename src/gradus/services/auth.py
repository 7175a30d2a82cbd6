"""Who may come in: the start token, API tokens, browser sessions and the local key.

The start token is shown by the terminal as part of an address; a browser exchanges it for a session. API
tokens are made for programs and stored as digests. Whoever can read the local key (mode 0600 in the home
folder) is the user who owns the home, so the command line works without asking and names any path.
"""

from __future__ import annotations

import hmac
import os
import re
import secrets
import threading
import time
from collections import OrderedDict, deque
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gradus.core.errors import GradusError, NotFoundError, PathError
from gradus.data.files import sync_folder
from gradus.jobs.access import Access, Token, digest_of
from gradus.jobs.home import Home

SESSION_SECONDS = 14 * 24 * 3600.0
EXTEND_AFTER = 24 * 3600.0  # a session in use is prolonged once a day
REMEMBER_SECONDS = 30.0  # how long a look into the database is trusted
REMEMBERED = 1024
WRONG_PER_MINUTE = 10
SECRET = re.compile(r"[\x21-\x7e]{16,512}")

CallerKind = Literal["session", "token", "local", "open"]


class DeniedError(GradusError):
    """Nobody we know (401)."""

    code = "unauthenticated"
    status = 401


class TooManyTriesError(GradusError):
    """Too many wrong tokens from one address (429)."""

    code = "too_many_tries"
    status = 429


@dataclass(frozen=True)
class Caller:
    """Who makes a request. `csrf` must come back with what a browser sends; `unrestricted` names any path."""

    kind: CallerKind
    csrf: str = ""
    unrestricted: bool = False
    digest: str = ""  # of the session or token


class Keys:
    """The secrets of one home, and the judgement on those that are shown."""

    def __init__(self, home: Home, access: Access, *, token: str | None = None, open_house: bool = False) -> None:
        self._home = home
        self._access = access
        self._fixed = token
        self._known: OrderedDict[str, tuple[float, Caller]] = OrderedDict()
        self._tries = Tries()
        self._lock = threading.Lock()
        self.open = Caller("open", csrf=secrets.token_urlsafe(32)) if open_house else None
        self.local_key = secrets.token_urlsafe(32)
        _write_secret(self._file("local.key"), self.local_key)
        self._start_token = token or _read_secret(self._file("token")) or self._renew()

    @property
    def start_token(self) -> str:
        """The token of the address that the terminal shows."""
        return self._start_token

    def start_url(self, url: str) -> str:
        """The address that lets a browser in."""
        return url if self.open else f"{url}/?token={self._start_token}"

    def sign_in(self, secret: str, address: str) -> tuple[str, Caller]:
        """Exchange a token for a new browser session: the cookie's secret, and who it is."""
        digest = self._judge(secret, address)
        cookie, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        session = self._access.open_session(cookie, csrf, SESSION_SECONDS, token=digest)
        return cookie, self._remember(Caller("session", csrf=csrf, digest=session.digest))

    def recall(self, secret: str, kind: CallerKind) -> Caller | None:
        """Who a cookie or token stands for, if that was looked up a moment ago; never touches the disk."""
        caller = self._recall(digest_of(secret)) if SECRET.fullmatch(secret) else None
        return caller if caller is not None and caller.kind == kind else None

    def session(self, cookie: str) -> Caller | None:
        """Who a cookie stands for, if its session has not run out or been closed."""
        if not SECRET.fullmatch(cookie):
            return None
        digest = digest_of(cookie)
        session = self._access.session(cookie)
        if session is None:
            return None
        if session.expires - time.time() < SESSION_SECONDS - EXTEND_AFTER:
            self._access.extend_session(digest, SESSION_SECONDS)
        return self._remember(Caller("session", csrf=session.csrf, digest=digest))

    def bearer(self, secret: str, address: str) -> Caller:
        """Who shows a token; `DeniedError` if nobody, `TooManyTriesError` after ten wrong ones in a minute."""
        if hmac.compare_digest(secret.encode(), self.local_key.encode()):
            return Caller("local", unrestricted=True, digest="local")
        return Caller("token", digest=self._judge(secret, address))

    def sign_out(self, caller: Caller) -> None:
        """Close a session."""
        self._known.pop(caller.digest, None)
        self._access.close_session(caller.digest)

    def rotate(self) -> str:
        """Make a new start token; the old one and all sessions opened with it end."""
        if self._fixed:
            raise PathError("the token is set by GRADUS_TOKEN or the configuration file", hint="change it there")
        self._access.remove_token(digest_of(self._start_token))
        self._known.clear()
        self._start_token = self._renew()
        return self._start_token

    def add_token(self, name: str) -> tuple[str, Token]:
        """Make an API token: the secret, shown this once, and what is kept of it."""
        secret = secrets.token_urlsafe(32)
        return secret, self._access.add_token(name, secret)

    def tokens(self) -> list[Token]:
        """The API tokens, the oldest first."""
        return self._access.tokens()

    def remove_token(self, token_id: str) -> None:
        """Revoke the API token whose digest begins with `token_id`, and the sessions opened with it."""
        found = [token for token in self.tokens() if len(token_id) >= 16 and token.digest.startswith(token_id)]
        if not found:
            raise NotFoundError("there is no such token")
        self._access.remove_token(found[0].digest)
        self._known.clear()

    def close(self) -> None:
        """The local key ends with the server."""
        self._file("local.key").unlink(missing_ok=True)

    def _judge(self, secret: str, address: str) -> str:
        """The digest of a valid start or API token."""
        self._tries.check(address)
        digest = digest_of(secret)
        if hmac.compare_digest(digest, digest_of(self._start_token)):
            return digest
        if (known := self._recall(digest)) and known.kind == "token":
            return digest
        token = self._access.token(secret) if SECRET.fullmatch(secret) else None
        if token is None:
            self._tries.wrong(address, digest)
            raise DeniedError("the token is not valid", hint="`gradus token` prints the one of this server")
        if token.used is None or time.time() - token.used > 60:
            self._access.used_token(token.digest)
        self._remember(Caller("token", digest=digest))
        return digest

    def _remember(self, caller: Caller) -> Caller:
        with self._lock:
            self._known[caller.digest] = (time.monotonic() + REMEMBER_SECONDS, caller)
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return caller

    def _recall(self, digest: str) -> Caller | None:
        until, caller = self._known.get(digest, (0.0, None))
        return caller if time.monotonic() < until else None

    def _renew(self) -> str:
        token = secrets.token_urlsafe(32)
        _write_secret(self._file("token"), token)
        return token

    def _file(self, name: str) -> Path:
        return self._home.auth / name


class Tries:
    """Different wrong tokens per address within the last minute.

    The same one again is no guess but a script with an old token, which shall not lock its owner out.
    """

    def __init__(self) -> None:
        self._wrong: OrderedDict[str, deque[tuple[float, str]]] = OrderedDict()
        self._lock = threading.Lock()

    def check(self, address: str) -> None:
        """Refuse an address that has been wrong too often."""
        with self._lock:
            times = self._wrong.get(address, deque())
            while times and time.monotonic() - times[0][0] > 60:
                times.popleft()
            if len(times) >= WRONG_PER_MINUTE:
                raise TooManyTriesError("too many wrong tokens", hint="wait a minute")

    def wrong(self, address: str, digest: str) -> None:
        """Note a wrong token."""
        with self._lock:
            times = self._wrong.setdefault(address, deque(maxlen=WRONG_PER_MINUTE))
            if all(digest != known for _, known in times):
                times.append((time.monotonic(), digest))
            self._wrong.move_to_end(address)
            while len(self._wrong) > REMEMBERED:
                self._wrong.popitem(last=False)


def read_local_key(home: Home) -> str | None:
    """The local key of a running server, for the command line; None where there is none or it is not ours."""
    return _read_secret(home.auth / "local.key")


def read_start_token(home: Home) -> str | None:
    """The start token of a home, for `gradus token`."""
    return _read_secret(home.auth / "token")


def _read_secret(path: Path) -> str | None:
    try:
        text = path.read_text().strip()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise PathError(f"{path} cannot be read: {error.strerror}", file=str(path)) from error
    return text if SECRET.fullmatch(text) else None


def _write_secret(path: Path, secret: str) -> None:
    """Replace a file of mode 0600; nobody else can have it open, and no umask can widen it."""
    temporary = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secret + "\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)
