"""The app: routes and pages over one house, behind the guards."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from anyio.to_thread import current_default_thread_limiter
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.middleware.gzip import GZipMiddleware

from gradus import __version__
from gradus.services.house import House
from gradus.services.settings import is_loopback
from gradus.web import live, login, pages, problems, system
from gradus.web.api.router import PREFIX, router
from gradus.web.guards import AuthGuard, HostGuard, OriginGuard
from gradus.web.pages.static import ROUTE as STATIC
from gradus.web.shield import BodyLimit, Shield

THREADS = 40  # requests that may wait for the disk or a worker at once
DESCRIPTION = (
    "Everything that the pages of Gradus do. Send `Authorization: Bearer TOKEN`. Lists are paged by cursor; "
    "problems are RFC 9457 documents with a `code`, and the `field` they are about."
)


def create_app(house: House) -> FastAPI:
    """The app over an open house. Who opened the house closes it, after the app."""
    app = FastAPI(
        title="Gradus", version=__version__, description=DESCRIPTION, lifespan=_lifespan,
        docs_url=None, redoc_url=None, openapi_url=f"{PREFIX}/openapi.json",
    )  # fmt: skip
    app.state.house = house
    app.state.live = live.Live(house)
    app.openapi = partial(_openapi, app)  # type: ignore[method-assign]
    problems.install(app)
    for part in (router, system.router, live.router, login.router, pages.router):
        app.include_router(part)
    app.router.routes.append(STATIC)
    _guard(app, house)
    return app


def _guard(app: FastAPI, house: House) -> None:
    """The middleware; what is added last is outermost."""
    settings = house.settings
    names = [*settings.allowed_hosts, settings.host]
    if not settings.loopback:
        names.append(socket.gethostname())
    app.add_middleware(OriginGuard)
    app.add_middleware(AuthGuard, keys=house.keys)
    app.add_middleware(BodyLimit)
    app.add_middleware(HostGuard, names=names, any_address=not is_loopback(settings.host))
    app.add_middleware(problems.Unexpected)
    app.add_middleware(GZipMiddleware, minimum_size=1024, compresslevel=4)
    app.add_middleware(Shield)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    current_default_thread_limiter().total_tokens = THREADS
    app.state.live.start()
    try:
        yield
    finally:
        app.state.live.close()


def _openapi(app: FastAPI) -> dict[str, Any]:
    """The description of the API; problems have the media type they are sent with."""
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            routes=app.routes,
            openapi_version="3.1.0",
        )
        for operations in schema["paths"].values():
            for operation in operations.values():
                for status, response in operation["responses"].items():
                    if int(status) >= 400 and "application/json" in response.get("content", {}):
                        response["content"] = {problems.MEDIA_TYPE: response["content"]["application/json"]}
        components = schema.setdefault("components", {})
        components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        schema["security"] = [{"token": []}]
        app.openapi_schema = schema
    return app.openapi_schema
