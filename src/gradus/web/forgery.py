"""Where a request comes from, and whether it brings the token of its session."""

from __future__ import annotations

import hmac
import re
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request
from starlette.types import Message, Receive

HEADER = "x-csrf-token"
FIELD = "csrf"
FORM_BYTES = 1 << 20
MULTIPART_BYTES = 1 << 14  # the token is the first field, so it comes early
_FIRST_FIELD = re.compile(
    rb'--[^\r\n]{1,200}\r\nContent-Disposition: *form-data; *name="'
    + FIELD.encode()
    + rb'"\r\n\r\n([^\r\n]{1,200})\r\n',
    re.IGNORECASE,
)


def foreign(request: Request) -> bool | None:
    """Whether another origin sent this; None where nothing tells, as no browser sent it.

    Browsers set `Sec-Fetch-Site` themselves. Another port of this machine is another origin: `same-site` is not
    enough. The older `Origin` is compared with the host the request is addressed to.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        return True
    origin = request.headers.get("origin")
    if origin is not None:
        parts = urlsplit(origin)
        same = parts.scheme in ("http", "https") and parts.netloc.lower() == request.headers.get("host", "").lower()
        return not same
    return None if site is None else False


async def token_matches(request: Request, receive: Receive, expected: str) -> tuple[bool, Receive]:
    """Whether the request brings the session's token, and the `receive` that repeats what was read to find out."""
    sent = request.headers.get(HEADER)
    if sent is not None:
        return _equal(sent, expected), receive
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        body, receive = await _peek(receive, FORM_BYTES, None)
        fields = dict(parse_qsl(body.decode("utf-8", "replace"), max_num_fields=None))
        return _equal(fields.get(FIELD, ""), expected), receive
    if kind == "multipart/form-data":
        body, receive = await _peek(receive, MULTIPART_BYTES, _FIRST_FIELD)
        found = _FIRST_FIELD.match(body)
        return found is not None and _equal(found[1].decode("latin-1"), expected), receive
    return False, receive


async def _peek(receive: Receive, limit: int, until: re.Pattern[bytes] | None) -> tuple[bytes, Receive]:
    """Read a body's beginning: all of it, or until a pattern is in it, at most about `limit` bytes."""
    messages: list[Message] = []
    body = b""
    more = True
    while more and len(body) < limit and not (until is not None and until.match(body)):
        message = await receive()
        messages.append(message)
        if message["type"] != "http.request":
            break
        body += message.get("body", b"")
        more = message.get("more_body", False)
    waiting = iter(messages)

    async def again() -> Message:
        return next(waiting, None) or await receive()

    return body, again


def _equal(sent: str, expected: str) -> bool:
    return bool(expected) and hmac.compare_digest(sent.encode(), expected.encode())
