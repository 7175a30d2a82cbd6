"""API tokens and browser sessions. Only SHA-256 digests of secrets are stored, never the secrets."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass

import sqlalchemy as sa

from gradus.jobs.database import Database
from gradus.jobs.tables import sessions, tokens


@dataclass(frozen=True)
class Token:
    """An API token. `digest` names it; the secret cannot be had back from it."""

    digest: str
    name: str
    created: float
    used: float | None


@dataclass(frozen=True)
class Session:
    """A signed-in browser. `csrf` must come back with every form; `token` is the digest it was opened with."""

    digest: str
    csrf: str
    token: str | None
    created: float
    expires: float


def digest_of(secret: str) -> str:
    """What is stored of a secret: its SHA-256 in hex. The secrets are random and long, so no salt is needed."""
    return hashlib.sha256(secret.encode()).hexdigest()


class Access:
    """The tables of tokens and sessions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_token(self, name: str, secret: str) -> Token:
        """Remember a token's digest."""
        token = Token(digest_of(secret), name, time.time(), None)
        with self._database.write() as connection:
            connection.execute(tokens.insert().values(digest=token.digest, name=name, created=token.created))
        return token

    def token(self, secret: str) -> Token | None:
        """The token with this secret. Looked up by digest, so timing tells nothing of the secret."""
        with self._database.read() as connection:
            row = connection.execute(sa.select(tokens).where(tokens.c.digest == digest_of(secret))).one_or_none()
        return Token(row.digest, row.name, row.created, row.used) if row else None

    def tokens(self) -> list[Token]:
        """All tokens, the oldest first."""
        with self._database.read() as connection:
            rows = connection.execute(sa.select(tokens).order_by(tokens.c.created)).all()
        return [Token(row.digest, row.name, row.created, row.used) for row in rows]

    def used_token(self, digest: str) -> None:
        """Note that a token was used now. Call it at most once in a while: it is a write."""
        with self._database.write() as connection:
            connection.execute(tokens.update().where(tokens.c.digest == digest).values(used=time.time()))

    def remove_token(self, digest: str) -> bool:
        """Forget a token and end the sessions opened with it; whether there was one."""
        with self._database.write() as connection:
            connection.execute(sessions.delete().where(sessions.c.token == digest))
            return connection.execute(tokens.delete().where(tokens.c.digest == digest)).rowcount == 1

    def open_session(self, secret: str, csrf: str, seconds: float, token: str | None = None) -> Session:
        """Remember a session for so many seconds; sessions that have run out are forgotten meanwhile."""
        now = time.time()
        session = Session(digest_of(secret), csrf, token, now, now + seconds)
        with self._database.write() as connection:
            connection.execute(sessions.delete().where(sessions.c.expires < now))
            connection.execute(sessions.insert().values(**session.__dict__))
        return session

    def session(self, secret: str) -> Session | None:
        """The session with this secret, if it has not run out."""
        query = sa.select(sessions).where(sessions.c.digest == digest_of(secret), sessions.c.expires > time.time())
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        return Session(row.digest, row.csrf, row.token, row.created, row.expires) if row else None

    def extend_session(self, digest: str, seconds: float) -> None:
        """Let a session last for so many seconds from now."""
        expires = time.time() + seconds
        with self._database.write() as connection:
            connection.execute(sessions.update().where(sessions.c.digest == digest).values(expires=expires))

    def close_session(self, digest: str) -> None:
        """Sign out."""
        with self._database.write() as connection:
            connection.execute(sessions.delete().where(sessions.c.digest == digest))
