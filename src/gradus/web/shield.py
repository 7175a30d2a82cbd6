"""What every answer tells the browser to refuse, and how much a request may bring."""

from __future__ import annotations

import asyncio
import re

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from gradus.core.errors import Problem
from gradus.web.http_problem import HttpProblemError
from gradus.web.middleware import Layer
from gradus.web.problems import answer

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "connect-src 'self'",
        "font-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
PRIVATE = "private, no-store"

FORM_BYTES = 1 << 20
PICTURE_BYTES = 64 << 20
UPLOAD_BYTES = 4 << 30
NETWORK_BYTES = 6 << 20  # a network's text may have 4 MiB, and is escaped
PICTURES = re.compile(r"/(?:api/v1/)?models/[^/]+/(?:predictions|test|classify)")
NETWORKS = re.compile(r"/(?:api/v1/models|api/v1/networks/draw|models(?:/new/[^/]+(?:/[a-z]+)?)?|networks/[a-z]+)")
UPLOADS = re.compile(r"/api/v1/uploads|/datasets/new/[^/]+(?:/example)?")
_DIGITS = re.compile(r"[0-9]{1,15}")
SILENCE_SECONDS = 30.0  # between two pieces of a body


class Shield(Layer):
    """Sets the security headers of every answer; what does not say otherwise is not to be kept by anyone."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        public = scope["path"].startswith("/static/")

        async def shielded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if not public:
                    headers["Cache-Control"] = PRIVATE
            await send(message)

        await self.app(scope, receive, shielded)


class BodyLimit(Layer):
    """Refuses bodies that are too large, while they come in and not after; and those that stop coming."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        request = Request(scope)
        limit = limit_of(scope["path"])
        if request.headers.get("content-encoding", "identity").lower() != "identity":
            problem = Problem(code="unsupported_media_type", message="a compressed body is not accepted")
            await answer(request, 415, [problem])(scope, receive, send)
            return
        announced = request.headers.get("content-length", "0")
        if not _DIGITS.fullmatch(announced) or int(announced) > limit:
            await answer(request, 413, [_too_large(limit)], {"Connection": "close"})(scope, receive, send)
            return
        received, finished = 0, False

        async def counted() -> Message:
            nonlocal received, finished
            if finished:
                return await receive()
            try:
                async with asyncio.timeout(SILENCE_SECONDS):
                    message = await receive()
            except TimeoutError as error:
                late = Problem(code="request_timeout", message="the rest of the request did not come")
                raise HttpProblemError(408, [late]) from error
            received += len(message.get("body", b""))
            finished = not message.get("more_body", False)
            if received > limit:
                raise HttpProblemError(413, [_too_large(limit)])
            return message

        await self.app(scope, counted, send)


def limit_of(path: str) -> int:
    """How many bytes a request for this path may bring."""
    if PICTURES.fullmatch(path):
        return PICTURE_BYTES
    if UPLOADS.fullmatch(path):
        return UPLOAD_BYTES
    return NETWORK_BYTES if NETWORKS.fullmatch(path) else FORM_BYTES


def _too_large(limit: int) -> Problem:
    return Problem(
        code="content_too_large",
        message=f"the request is larger than {limit >> 20} MiB",
        hint="send less at once, or name files by their path on the server",
    )
