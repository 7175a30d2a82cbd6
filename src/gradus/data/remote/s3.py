"""Pictures in a bucket of Amazon S3, or of a store that speaks like it.

boto3 signs, counts pages and tries again; what it wants to send goes through our fetcher, so that a store that a
caller names is judged like every other address. Keys are read from a file that only we can read, and are in no
message.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, BinaryIO

from gradus.core.credentials import Credentials
from gradus.core.errors import InputError
from gradus.data.readers.folder import Watcher
from gradus.data.remote.address import about, parse
from gradus.data.remote.fetcher import MAX_PICTURE, SECONDS, Fetcher, TransientError, explained
from gradus.data.remote.wire import TROUBLE, watched

TRIES = 4
PAGE = 1000  # keys, the most that S3 lists at once
MAX_PAGE = 16 * 2**20  # of a list of a thousand keys
REGION = "us-east-1"  # signs for all stores; Amazon tells where a bucket really is
_MEANINGS = {
    "NoSuchBucket": ("There is no such bucket", "s3_bucket", "Check its spelling, and the endpoint."),
    "InvalidBucketName": ("That is no name of a bucket", "s3_bucket", "Check its spelling."),
    "InvalidAccessKeyId": ("The store does not know this access key", "s3_credentials", "Check the keys."),
    "SignatureDoesNotMatch": ("The secret key is not the one of the access key", "s3_credentials", "Check the keys."),
    "AccessDenied": ("The store does not allow it with these keys", "s3_credentials", "Check the keys' permissions."),
    "403": ("The store does not allow it with these keys", "s3_credentials", "Check the keys' permissions."),
    "ExpiredToken": ("The keys are no longer valid", "s3_credentials", "Give new ones."),
    "NoSuchKey": ("The store has no such object", "s3_path", None),
}


class Bucket:
    """The part of a bucket whose keys start with a path. Without keys, requests are not signed."""

    def __init__(
        self, fetcher: Fetcher, endpoint: str, bucket: str, path: str, keys: Credentials | None, tries: int = TRIES
    ) -> None:
        if endpoint:
            _check(endpoint)
        self.halt = fetcher.halt
        self._fetcher, self._bucket = fetcher, bucket
        self._prefix = f"{path.strip('/')}/" if path.strip("/") else ""
        self._client = _client(fetcher, endpoint, keys, tries)

    @property
    def shown(self) -> str:
        """Bucket and path, as S3's own tools write them."""
        return f"s3://{self._bucket}/{self._prefix}"

    def names(self, watch: Watcher) -> Iterator[str]:
        """The names of all objects below the path, by which S3 sorts them."""
        found = 0
        paginator = self._client.get_paginator("list_objects_v2")
        size = {"PageSize": PAGE}
        pages = iter(paginator.paginate(Bucket=self._bucket, Prefix=self._prefix, PaginationConfig=size))
        following = partial(self._explained, lambda: next(pages, None))
        while page := watched(following, partial(watch, found), self.halt):
            for each in page.get("Contents", ()):
                if name := each["Key"].removeprefix(self._prefix):
                    found += 1
                    yield name

    def top(self) -> list[str]:
        """The names of the first folders right below the path, by one request."""
        answer = self._asked("list_objects_v2", Bucket=self._bucket, Prefix=self._prefix, Delimiter="/")
        return [each["Prefix"].removeprefix(self._prefix).rstrip("/") for each in answer.get("CommonPrefixes", ())]

    def fetch(self, name: str, into: BinaryIO) -> None:
        """Write one object."""
        self._fetcher.tried(lambda: self._copy(name, into), time.monotonic() + 2 * SECONDS)

    def close(self) -> None:
        """Let go of the connections."""
        self._fetcher.close()

    def _copy(self, name: str, into: BinaryIO) -> None:
        into.seek(0)
        into.truncate()
        body = self._asked("get_object", Bucket=self._bucket, Key=self._prefix + name)["Body"]
        try:
            for piece in body.iter_chunks(1 << 16):
                into.write(piece)
        except TROUBLE as error:
            raise TransientError(explained(error)) from error
        except Exception as error:
            raise self._refused(error) from None
        finally:
            body.close()

    def _asked(self, method: str, **arguments: str) -> Any:
        return self._explained(lambda: getattr(self._client, method)(**arguments))

    def _explained(self, ask: Callable[[], Any]) -> Any:
        try:
            return ask()
        except Exception as error:
            raise self._refused(error) from None

    def _refused(self, error: Exception) -> Exception:
        """What boto3 raises, in our words and without anything that was sent; what is not its, as it is."""
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.exceptions import ConnectionError as StoreConnectionError

        if isinstance(error, ClientError):
            code = str(error.response.get("Error", {}).get("Code", ""))
            message, field, hint = _MEANINGS.get(code, (f"The store answers {code[:60]}", "s3_bucket", None))
            return InputError(f"{message}: {self.shown}", field=field, hint=hint)
        if isinstance(error, BotoCoreError):
            reason = error.kwargs.get("error") if isinstance(error, StoreConnectionError) else type(error).__name__
            return InputError(f"The store cannot be used: {reason}", field="s3_endpoint", file=self.shown)
        return about(error, field="s3_endpoint", file=self.shown) if isinstance(error, InputError) else error


class _Raw:
    """The content of an answer as botocore reads it."""

    def __init__(self, pieces: Iterator[bytes], close: Callable[[], None]) -> None:
        self._pieces, self._rest = pieces, b""
        self.close = self.release_conn = close

    def read(self, amount: int | None = None, **_: object) -> bytes:
        """The next bytes, at most so many; all that are left if no number is given."""
        while (amount is None or len(self._rest) < amount) and (piece := next(self._pieces, b"")):
            self._rest += piece
        given, self._rest = (self._rest, b"") if amount is None else (self._rest[:amount], self._rest[amount:])
        return given

    def stream(self, amount: int = 1 << 16, **_: object) -> Iterator[bytes]:
        """The content piece by piece."""
        while piece := self.read(amount):
            yield piece


def _client(fetcher: Fetcher, endpoint: str, keys: Credentials | None, tries: int) -> Any:
    """A client of boto3 whose requests are sent by our fetcher."""
    import boto3
    from botocore import UNSIGNED
    from botocore.awsrequest import AWSResponse
    from botocore.config import Config
    from botocore.exceptions import ConnectionError as StoreConnectionError

    def send(request: Any, **_: object) -> Any:
        """Send what boto3 has signed. Pictures are read as they come, answers of other kinds at once."""
        address = parse(request.url)
        headers = {name: _text(value) for name, value in request.headers.items()}
        streamed = "list-type" not in address.target
        try:
            answer = fetcher.send(request.method, address, headers, MAX_PICTURE if streamed else MAX_PAGE)
            pieces = answer.chunks() if streamed and answer.status == 200 else iter([b"".join(answer.chunks())])
        except TROUBLE as error:
            raise StoreConnectionError(error=explained(error)) from None  # boto3 tries again
        return AWSResponse(request.url, answer.status, dict(answer.headers), _Raw(pieces, answer.close))

    plain = keys.model_dump() if keys else {}
    config = Config(
        signature_version=None if keys else UNSIGNED,
        s3={"addressing_style": "path" if endpoint else "auto"},
        retries={"total_max_attempts": tries, "mode": "standard"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    client = boto3.session.Session().client(
        "s3",
        region_name=REGION,
        endpoint_url=endpoint or None,
        aws_access_key_id=plain.get("access_key"),
        aws_secret_access_key=plain.get("secret_key"),
        aws_session_token=plain.get("session_token"),
        config=config,
    )
    client.meta.events.register_first("before-send.s3", send)
    return client


def _check(endpoint: str) -> None:
    try:
        address = parse(endpoint)
    except InputError as error:
        raise about(error, field="s3_endpoint", file=endpoint) from error
    if address.target != "/":
        raise InputError(
            "The endpoint has a path or a query", field="s3_endpoint", file=endpoint[:500],
            hint="Give https://HOST or http://HOST:PORT; bucket and path have fields of their own.",
        )  # fmt: skip


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
