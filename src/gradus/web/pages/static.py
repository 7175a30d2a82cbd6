"""Our own files for the browser, under an address that changes when any of them changes.

The whole folder has one hash, `/static/{hash}/...`: modules import each other by relative address and stay
in step, and every answer may be kept for a year.
"""

from __future__ import annotations

import hashlib
import mimetypes
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

FOLDER = Path(__file__).resolve().parent.parent / "static"
_KINDS = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".json": "application/json"}


@cache
def tree_hash() -> str:
    """Twelve hex digits over the names and contents of all static files."""
    digest = hashlib.sha256()
    for path in sorted(p for p in FOLDER.rglob("*") if p.is_file()):
        digest.update(path.relative_to(FOLDER).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def static_url(path: str) -> str:
    """The address of one static file; a file that is not there is a mistake in a template."""
    if not (FOLDER / path).is_file():
        raise FileNotFoundError(f"no static file {path}")
    return f"/static/{tree_hash()}/{path}"


@cache
def _files() -> dict[str, Path]:
    return {p.relative_to(FOLDER).as_posix(): p for p in FOLDER.rglob("*") if p.is_file()}


async def _serve(request: Request) -> Response:
    path = _files().get(request.path_params["path"])
    if path is None:
        return Response("no such file", status_code=404, media_type="text/plain")
    kind = _KINDS.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    fresh = request.path_params["hash"] == tree_hash()
    age = "public, max-age=31536000, immutable" if fresh else "no-cache"
    return FileResponse(path, media_type=kind, headers={"Cache-Control": age, "X-Content-Type-Options": "nosniff"})


ROUTE = Route("/static/{hash}/{path:path}", _serve, methods=["GET", "HEAD"], name="static")
