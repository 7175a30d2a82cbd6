"""Against moto's server, which speaks S3 and checks nothing of signatures; what stores refuse is played by a site."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from gradus.core.credentials import Credentials
from gradus.core.errors import AddressError, InputError
from gradus.data.remote.address import Rules
from gradus.data.remote.fetcher import Fetcher
from gradus.data.remote.outline import outline
from gradus.data.remote.s3 import Bucket

SECRET = "wJalrXUtnFEMIsecretK7MDENGbPxRfiCYEXAMPLE"
KEYS = Credentials.model_validate({"access_key": "AKIAIOSFODNN7EXAMPLE", "secret_key": SECRET})


@pytest.fixture
def bucket() -> Iterator[Callable[..., Bucket]]:
    with ExitStack() as stack:

        def make(
            store: str, path: str = "set/one", *, name: str = "pets", rules: Rules | None = None, keys=KEYS
        ) -> Bucket:
            fetcher = stack.enter_context(Fetcher(rules or Rules(None), seconds=10.0))
            return Bucket(fetcher, store, name, path, keys)

        yield make


def test_all_keys_below_the_path_are_listed(
    bucket, store: str, bucket_of_pets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than a page of them: DIGITS stopped at a hundred of each class."""
    monkeypatch.setattr("gradus.data.remote.s3.PAGE", 25)
    for i in range(105):
        bucket_of_pets.put_object(Bucket="pets", Key=f"set/one/cat/{i:04d}.png", Body=b"x")
    for key in ("set/one/dog/a.png", "set/one/dog/deep/b c.png", "set/one/", "set/one/dog/notes.txt", "set/other.png"):
        bucket_of_pets.put_object(Bucket="pets", Key=key, Body=b"x")
    told: list[int] = []
    assert outline(bucket(store), tmp_path / "to", "s3_path", told.append) == []
    found = sorted(str(p.relative_to(tmp_path / "to")) for p in (tmp_path / "to").rglob("*") if p.is_file())
    assert found == [*(f"cat/{i:04d}.png" for i in range(105)), "dog/a.png", "dog/deep/b c.png"]
    assert max(told) >= 75
    assert bucket(store).top() == ["cat", "dog"]
    assert bucket(store, "").top() == ["set"]


def test_objects_are_fetched_as_they_are(bucket, store: str, bucket_of_pets) -> None:
    content = bytes(range(256)) * 4096
    for key in ("set/one/a b+ü%41.png", "set/one/empty.png"):
        bucket_of_pets.put_object(Bucket="pets", Key=key, Body=b"" if "empty" in key else content)
    for name, wanted in (("a b+ü%41.png", content), ("empty.png", b"")):
        into = io.BytesIO(b"what was there before")
        bucket(store).fetch(name, into)
        assert into.getvalue() == wanted


def test_keys_that_no_file_here_can_have(bucket, store: str, bucket_of_pets, tmp_path: Path) -> None:
    keys = ("cat/../../../up.png", "cat//1.png", "/2.png", "cat", "cat/3.png", "x.png", "x.png/4.png")
    for key in keys:
        bucket_of_pets.put_object(Bucket="pets", Key=f"set/one/{key}", Body=b"x")
    bad = outline(bucket(store), tmp_path / "to", "s3_path", lambda _: None)
    assert {each.file for each in bad} == {"cat/../../../up.png", "cat//1.png", "/2.png", "x.png/4.png"}
    assert sorted(p.name for p in tmp_path.rglob("*.png")) == ["3.png", "x.png"]


def test_a_bucket_that_is_not_there(bucket, store: str) -> None:
    with pytest.raises(InputError, match="no such bucket") as error:
        bucket(store, "", name="nowhere").top()
    assert error.value.problem.field == "s3_bucket"


def test_an_object_that_is_not_there(bucket, store: str, bucket_of_pets) -> None:
    with pytest.raises(InputError, match="no such object"):
        bucket(store).fetch("gone.png", io.BytesIO())


def test_requests_are_signed_and_say_nothing_of_the_secret(bucket, listener) -> None:
    reply = b"<ListBucketResult><KeyCount>0</KeyCount></ListBucketResult>"
    heard = listener(lambda taken: taken.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(reply) + reply))
    bucket(f"http://127.0.0.1:{heard.port}").top()
    bucket(f"http://127.0.0.1:{heard.port}", keys=None).top()
    signed, plain = (request.decode().lower() for request in heard.requests)
    assert "authorization: aws4-hmac-sha256 credential=akiaiosfodnn7example/" in signed
    assert "authorization" not in plain
    assert SECRET.lower() not in signed


@pytest.mark.parametrize(
    ("status", "code", "words", "field"),
    [
        (403, "InvalidAccessKeyId", "does not know this access key", "s3_credentials"),
        (403, "SignatureDoesNotMatch", "secret key is not the one", "s3_credentials"),
        (403, "AccessDenied", "does not allow it", "s3_credentials"),
        (400, "ExpiredToken", "no longer valid", "s3_credentials"),
        (501, "NotImplemented", "answers NotImplemented", "s3_bucket"),
    ],
)
def test_refusals_are_told_without_the_keys(bucket, listener, status: int, code: str, words: str, field: str) -> None:
    """Real stores send keys and the text that was signed back in their answers."""
    reply = (
        f"<Error><Code>{code}</Code><Message>{SECRET}</Message><AWSAccessKeyId>AKIAIOSFODNN7EXAMPLE</AWSAccessKeyId>"
        f"<StringToSign>{SECRET}</StringToSign></Error>"
    ).encode()
    heard = listener(
        lambda taken: taken.sendall(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n" % (status, len(reply)) + reply)
    )
    with pytest.raises(InputError, match=words) as error:
        bucket(f"http://127.0.0.1:{heard.port}").top()
    assert error.value.problem.field == field
    assert SECRET not in error.value.problem.model_dump_json()
    assert "AKIA" not in error.value.problem.model_dump_json()
    assert error.value.__cause__ is None and error.value.__suppress_context__


def test_keys_are_not_shown_by_what_holds_them() -> None:
    assert SECRET not in repr(KEYS) and SECRET not in str(KEYS)


def test_a_store_that_is_not_allowed_is_not_connected_to(bucket, listener) -> None:
    heard = listener()
    for rules in (Rules(), Rules.of(["127.0.0.1:1"])):
        with pytest.raises(AddressError) as error:
            bucket(f"http://127.0.0.1:{heard.port}", rules=rules).top()
        assert error.value.problem.field == "s3_endpoint"
    assert heard.connections == 0
    with pytest.raises(AddressError):
        bucket("http://169.254.169.254", rules=Rules()).top()


def test_a_store_that_is_busy_is_asked_again(bucket, site) -> None:
    listing = "<ListBucketResult><CommonPrefixes><Prefix>cat/</Prefix></CommonPrefixes></ListBucketResult>"
    replies = iter([(503, {}, b"<Error><Code>SlowDown</Code></Error>"), (200, {}, listing.encode())])
    site.pages["/pets?list-type=2&prefix=&delimiter=%2F&encoding-type=url"] = lambda: next(replies)
    assert bucket(f"http://127.0.0.1:{site.port}", "").top() == ["cat"]
    assert len(site.asked) == 2


def test_an_object_that_breaks_off_is_fetched_again(bucket, listener) -> None:
    replies = iter([b"ha", b"half"])
    heard = listener(lambda taken: taken.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n" + next(replies)))
    into = io.BytesIO()
    bucket(f"http://127.0.0.1:{heard.port}").fetch("a.png", into)
    assert into.getvalue() == b"half"
    assert heard.connections == 2


def test_an_endpoint_that_is_no_address(bucket, store: str) -> None:
    for endpoint in ("minio", "ftp://minio", "http://user:pass@minio"):
        with pytest.raises(InputError) as error:
            bucket(endpoint).top()
        assert error.value.problem.field == "s3_endpoint"
