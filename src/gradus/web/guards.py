"""Who may talk to the app: the right host name, a known caller, and no other web page on his behalf.

Plain ASGI middleware, outermost first: `HostGuard`, `AuthGuard`, `OriginGuard`. Each is deaf to what the
app does, so that no route can forget them.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from gradus.core.errors import GradusError, Problem
from gradus.services.auth import SESSION_SECONDS, Caller, DeniedError, Keys
from gradus.web.forgery import foreign, token_matches
from gradus.web.middleware import Layer
from gradus.web.pages.errors import wants_page
from gradus.web.problems import answer

OPEN_PATHS = frozenset({"/login", "/healthz", "/readyz", "/favicon.ico"})
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def is_open(path: str) -> bool:
    """Whether a path needs no caller: signing in, signs of life, and our own static files."""
    return path in OPEN_PATHS or path.startswith("/static/")


class HostGuard:
    """Refuses requests addressed to a name that is not ours, which is how DNS rebinding shows (every method).

    An address literal cannot be rebound: where the server listens on the network, any of them is fine.
    """

    def __init__(self, app: ASGIApp, names: Iterable[str] = (), any_address: bool = False) -> None:
        self.app = app
        self._names = LOOPBACK_NAMES | {host_name(name) for name in names}
        self._any_address = any_address

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        sent = [value for name, value in scope["headers"] if name == b"host"]
        name = host_name(sent[0].decode("latin-1")) if len(sent) == 1 else ""
        if name in self._names or (self._any_address and _is_address(name)):
            await self.app(scope, receive, send)
            return
        problem = Problem(
            code="unknown_host",
            message="the request is addressed to a host name that is not this server's",
            field="Host",
            hint="add the name with GRADUS_ALLOWED_HOSTS if it is one of yours",
        )
        await answer(Request(scope), 400, [problem])(scope, receive, send)


class AuthGuard(Layer):
    """Finds out who calls, puts it into `request.state.caller`, and asks strangers to sign in."""

    def __init__(self, app: ASGIApp, keys: Keys) -> None:
        super().__init__(app)
        self._keys = keys

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        request = Request(scope)
        address = request.client.host if request.client else "local"
        try:
            if (token := _query_token(request)) is not None and self._keys.open is None:
                cookie, _ = await run_sync(self._keys.sign_in, token, address)
                await signed_in(request, cookie, _without_token(request))(scope, receive, send)
                return
            caller = await self._caller(request, address)
        except GradusError as error:
            await answer(request, error.status, error.problems(), _challenge(error.status))(scope, receive, send)
            return
        scope.setdefault("state", {})
        scope["state"].update(caller=caller, csrf=caller.csrf if caller else "", signed_in=caller is not None)
        if caller is None and not is_open(scope["path"]):
            await _stranger(request)(scope, receive, send)
            return
        await self.app(scope, receive, send)

    async def _caller(self, request: Request, address: str) -> Caller | None:
        scheme, _, secret = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            known = self._keys.recall(secret.strip(), "token")
            return known or await run_sync(self._keys.bearer, secret.strip(), address)
        if self._keys.open is not None:
            return self._keys.open
        cookie = read_cookie(request, cookie_name(request.scope))
        if cookie is None:
            return None
        return self._keys.recall(cookie, "session") or await run_sync(self._keys.session, cookie)


class OriginGuard(Layer):
    """Refuses what another web page sends in a user's name (cross-site request forgery).

    A bearer token cannot be sent by another page, so it is exempt. A session must come from our own origin
    and bring its own token, in the header `X-CSRF-Token` or as the first field of a form. Event streams
    are checked for their origin too, though they change nothing.
    """

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        request = Request(scope)
        caller: Caller | None = scope.get("state", {}).get("caller")
        if caller is not None and caller.kind in ("token", "local"):
            await self.app(scope, receive, send)
            return
        if scope["method"] in SAFE_METHODS:
            if scope["path"] == "/events" and foreign(request) is True:
                await _forged(request, "another web page may not listen here")(scope, receive, send)
                return
            await self.app(scope, receive, send)
            return
        origin = foreign(request)
        if origin is True:
            await _forged(request, "the request comes from another web page")(scope, receive, send)
            return
        program = origin is None and caller is not None and caller.kind == "open"  # no browser, nothing to forge
        if caller is not None and not program:
            matches, receive = await token_matches(request, receive, caller.csrf)
            if not matches:
                await _forged(request, "the page is out of date", "reload it and try again")(scope, receive, send)
                return
        await self.app(scope, receive, send)


def host_name(text: str) -> str:
    """The name in a `Host` header or address: lower case, without port and brackets."""
    text = text.strip().lower()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text if text.count(":") > 1 else text.partition(":")[0].rstrip(".")


def cookie_name(scope: Scope) -> str:
    """Cookies are shared among the ports of a host, so the name has the port."""
    server = scope.get("server") or ("", None)
    return f"gradus-{server[1] or 'socket'}"


def read_cookie(request: Request, name: str) -> str | None:
    """One cookie; malformed headers have none."""
    return request.cookies.get(name)


def signed_in(request: Request, cookie: str, target: str) -> Response:
    """Go to `target` with a new session."""
    response = RedirectResponse(target, 303)
    response.set_cookie(
        cookie_name(request.scope), cookie, max_age=int(SESSION_SECONDS), path="/", httponly=True, samesite="lax",
        secure=request.scope.get("scheme") == "https",
    )  # fmt: skip
    return response


def local_target(text: str | None) -> str:
    """A path on this server to go to after signing in; `/` for anything that might lead elsewhere."""
    if not text or not text.startswith("/") or text.startswith(("//", "/\\")):
        return "/"
    if any(ord(letter) < 0x21 or ord(letter) == 0x7F for letter in text) or "\\" in text:
        return "/"
    parts = urlsplit(text)
    return "/" if parts.scheme or parts.netloc else text


def _query_token(request: Request) -> str | None:
    """The token of an address that a terminal showed. Only pages take it; REST takes a header."""
    if request.method != "GET" or request.url.path.startswith(("/api/", "/static/", "/events")):
        return None
    return request.query_params.get("token")


def _without_token(request: Request) -> str:
    kept = [(name, value) for name, value in parse_qsl(request.url.query) if name not in ("token", "next")]
    path = quote(request.url.path)
    if path == "/login":
        return local_target(request.query_params.get("next"))
    return local_target(f"{path}?{urlencode(kept)}" if kept else path)


def _stranger(request: Request) -> Response:
    path = request.url.path
    if wants_page(request) and request.method in SAFE_METHODS:
        target = f"/login?{urlencode({'next': local_target(f'{path}?{request.url.query}'.rstrip('?'))})}"
        if "hx-request" in request.headers:
            return Response(status_code=401, headers={"HX-Redirect": target})
        return RedirectResponse("/login" if path == "/" else target, 303)
    error = DeniedError("sign in first", hint="send `Authorization: Bearer TOKEN`; `gradus token` prints one")
    return answer(request, error.status, error.problems(), _challenge(error.status))


def _challenge(status: int) -> dict[str, str]:
    return {"WWW-Authenticate": 'Bearer realm="gradus"'} if status == 401 else {}


def _forged(request: Request, message: str, hint: str | None = None) -> Response:
    return answer(request, 403, [Problem(code="foreign_origin", message=message, hint=hint)])


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
