"""Public files by HTTP, believed only when their size and SHA-256 are as expected."""

from __future__ import annotations

import hashlib
import time

import httpx

from gradus.core.errors import InputError, UnavailableError

TIMEOUT = httpx.Timeout(20.0, connect=10.0)  # seconds for each read; slow is fine, silent is not
DEADLINE = 600.0  # seconds for one file
HINT = "Without internet access, give the folder that holds the original files with --from."


def client(transport: httpx.BaseTransport | None = None) -> httpx.Client:
    """A client that follows a few redirects and honours the usual proxy variables."""
    return httpx.Client(
        timeout=TIMEOUT,
        follow_redirects=True,
        max_redirects=3,
        transport=transport,
        headers={"Accept-Encoding": "identity"},  # the size that is checked is that of the file
    )


def download(http: httpx.Client, url: str, size: int, sha256: str) -> bytes:
    """The content of `url`, which must have `size` bytes and that SHA-256."""
    name = url.rsplit("/", 1)[1]
    content = bytearray()
    ends = time.monotonic() + DEADLINE
    try:
        with http.stream("GET", url) as answer:
            answer.raise_for_status()
            for part in answer.iter_bytes():
                content += part
                if len(content) > size:
                    raise InputError(f"{name} from {url} is larger than the {size:,} bytes expected", hint=HINT)
                if time.monotonic() > ends:
                    raise UnavailableError(f"{name} took longer than {DEADLINE:.0f} s to download", hint=HINT)
    except httpx.HTTPStatusError as error:
        raise UnavailableError(f"{url} answered {error.response.status_code}", hint=HINT) from error
    except httpx.HTTPError as error:
        raise UnavailableError(f"{name} cannot be downloaded: {error or type(error).__name__}", hint=HINT) from error
    if len(content) != size or hashlib.sha256(content).hexdigest() != sha256:
        raise InputError(f"{name} from {url} is not the file expected ({len(content):,} bytes)", hint=HINT)
    return bytes(content)
