"""One HTTP exchange: sent, checked, and its problem raised as the error it stands for."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import BinaryIO, TypeVar
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
from pydantic import BaseModel, JsonValue, TypeAdapter, ValidationError

from gradus.core.errors import (
    ConflictError,
    FormError,
    GradusError,
    InputError,
    NotFoundError,
    Problem,
    StorageFullError,
    UnavailableError,
    from_problem,
)

T = TypeVar("T")
Query = Mapping[str, str | int | float | bool | None]
Upload = tuple[str, tuple[str, bytes | BinaryIO]]  # form field, (file name, content)

API = "/api/v1"
KINDS: dict[int, type[GradusError]] = {
    400: InputError, 401: InputError, 403: InputError, 404: NotFoundError, 409: ConflictError, 413: InputError,
    422: InputError, 429: UnavailableError, 503: UnavailableError, 507: StorageFullError,
}  # fmt: skip
ATTEMPTS = 3  # of a request that may be repeated, when the connection breaks


class Transport:
    """Speaks to one server. Safe to use from several threads."""

    def __init__(self, url: str, token: str | None, timeout: float) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"not a server's address: {url!r} (expected something like http://127.0.0.1:5000)")
        self.url = url.rstrip("/")
        headers = {"Accept": "application/json", "User-Agent": "gradus-client"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self._http = httpx.Client(
            base_url=self.url,
            headers=headers,
            timeout=httpx.Timeout(timeout, connect=min(5.0, timeout)),
            trust_env=not _loopback(parts.hostname),  # a proxy cannot reach this machine's own loopback
        )

    def close(self) -> None:
        """Close the connections; the transport cannot be used afterwards."""
        self._http.close()

    def alive(self, seconds: float) -> bool:
        """Whether the server answers within so many seconds."""
        try:
            return self._http.get("/healthz", timeout=seconds).is_success
        except httpx.TransportError:
            return False

    def get(self, path: str, kind: type[T], query: Query | None = None) -> T:
        """Ask for something; repeated when the connection breaks."""
        return _read(self._send("GET", path, query=query, repeat=True), kind)

    def get_bytes(self, path: str) -> bytes:
        """Ask for a file, such as a picture."""
        return self._send("GET", path, repeat=True).content

    def post(
        self, path: str, kind: type[T], body: BaseModel | Mapping[str, JsonValue] | None = None, key: str | None = None
    ) -> T:
        """Ask for something to be done, once: the key lets the server recognise a repeated request."""
        content = None if body is None else _json(body)
        return _read(self._send("POST", path, content=content, key=key or str(uuid4()), repeat=True), kind)

    def patch(self, path: str, kind: type[T], changes: Mapping[str, str]) -> T:
        """Change some fields."""
        content = TypeAdapter(dict[str, str]).dump_json(dict(changes))
        return _read(self._send("PATCH", path, content=content, repeat=True), kind)

    def delete(self, path: str) -> None:
        """Remove something."""
        self._send("DELETE", path)

    def upload(self, path: str, kind: type[T], files: Sequence[Upload], query: Query | None = None) -> T:
        """Send files as a form."""
        return _read(self._send("POST", path, files=files, query=query, endless=True), kind)

    def long_post(self, path: str, kind: type[T], query: Query | None = None) -> T:
        """Ask for something that is answered when it is done, however long that takes."""
        return _read(self._send("POST", path, query=query, endless=True), kind)

    def _send(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        content: bytes | None = None,
        files: Sequence[Upload] | None = None,
        key: str | None = None,
        repeat: bool = False,
        endless: bool = False,
    ) -> httpx.Response:
        headers: dict[str, str] = {}
        if content is not None:
            headers["Content-Type"] = "application/json"
        if key is not None:
            headers["Idempotency-Key"] = key
        request = self._http.build_request(
            method,
            API + path,
            params={k: v for k, v in (query or {}).items() if v is not None},
            content=content,
            files=files,
            headers=headers,
            timeout=httpx.Timeout(None, connect=5.0) if endless else self._http.timeout,
        )
        for attempt in range(1, ATTEMPTS + 1):
            try:
                response = self._http.send(request)
            except httpx.TransportError as error:
                if repeat and attempt < ATTEMPTS and not isinstance(error, httpx.ConnectError | httpx.TimeoutException):
                    continue
                raise UnavailableError(
                    f"the server at {self.url} does not answer ({_reason(error)})",
                    hint="Is it running? `gradus serve` starts it.",
                ) from error
            if response.is_error or response.is_redirect:
                raise _problem_of(response)
            return response
        raise AssertionError("unreachable")


def _json(body: BaseModel | Mapping[str, JsonValue]) -> bytes:
    if isinstance(body, BaseModel):
        return body.model_dump_json().encode()
    return TypeAdapter(dict[str, JsonValue]).dump_json(dict(body))


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _reason(error: httpx.TransportError) -> str:
    return str(error) or type(error).__name__


def _read(response: httpx.Response, kind: type[T]) -> T:
    try:
        return TypeAdapter(kind).validate_json(response.content)
    except ValidationError as error:
        where = f"{response.request.method} {response.request.url.path}"
        raise GradusError(
            f"the answer to {where} was not understood",
            hint="Server and client should have the same version of Gradus.",
            code="unexpected_answer",
        ) from error


class _Answer(BaseModel):
    """A problem as RFC 9457 writes it, with our members beside the standard's."""

    code: str = ""
    title: str = ""
    detail: str = ""
    field: str | None = None
    file: str | None = None
    line: int | None = None
    hint: str | None = None
    errors: list[Problem] = []


def _problem_of(response: httpx.Response) -> GradusError:
    try:
        answer = _Answer.model_validate_json(response.content)
    except ValidationError:
        answer = _Answer()
    if answer.errors and (len(answer.errors) > 1 or answer.code == FormError.code):
        return FormError(answer.errors)
    fallback = f"the server answered {response.status_code} {response.reason_phrase}"
    problem = Problem(
        code=answer.code or f"http_{response.status_code}",
        message=answer.detail or answer.title or fallback,
        field=answer.field,
        file=answer.file,
        line=answer.line,
        hint=answer.hint,
    )
    error = from_problem(problem)
    kind = KINDS.get(response.status_code)
    if response.is_server_error and not answer.code:  # not our app: a proxy, or a server that is just ending
        kind = UnavailableError
    if type(error) is GradusError and kind is not None:  # a finer code than the tree of errors has
        return kind(**problem.model_dump())
    return error
