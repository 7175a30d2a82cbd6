from __future__ import annotations

import http.server
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradus.core.errors import InputError
from gradus.data.remote.address import parse
from gradus.data.remote.listing import MAX_LINKS, folder_of, read_listing

HERE = parse("http://pictures.test/set%20one/")

NGINX = b"""<html>\r\n<head><title>Index of /set one/</title></head>\r\n<body>\r\n<h1>Index of /set one/</h1><hr><pre>
<a href="../">../</a>
<a href="cat/">cat/</a>                      21-Nov-2026 10:00    -
<a href="guinea%20pig/">guinea pig/</a>      21-Nov-2026 10:00    -
<a href="a%26b.png">a&amp;b.png</a>          21-Nov-2026 10:00  123
</pre><hr></body>\r\n</html>"""

APACHE = b"""<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 3.2 Final//EN"><html><head><title>Index of /set one</title></head>
<body><h1>Index of /set one</h1><table>
<tr><th><a href="?C=N;O=D">Name</a></th><th><a href="?C=M;O=A">Last modified</a></th></tr>
<tr><td><img src="/icons/back.gif"></td><td><a href="/">Parent Directory</a></td></tr>
<tr><td><img src="/icons/folder.gif"></td><td><a href="cat/">cat/</a></td></tr>
<tr><td><img src="/icons/folder.gif"></td><td><a href="guinea%20pig/">guinea pig/</a></td></tr>
<tr><td><img src="/icons/image2.gif"></td><td><a href="a&amp;b.png">a&amp;b.png</a></td></tr>
</table></body></html>"""


@pytest.mark.parametrize("page", [NGINX, APACHE], ids=["nginx", "apache"])
def test_what_nginx_and_apache_write(page: bytes) -> None:
    found = read_listing(page, HERE)
    assert found.folders == ["cat", "guinea pig"]
    assert found.files == ["a&b.png"]


def test_what_python_writes(tmp_path: Path) -> None:
    for name in ("cat", "a#b?c%20d", "<i>", "ümlaut"):
        (tmp_path / name).mkdir()
    (tmp_path / "x y.png").touch()
    handler = http.server.SimpleHTTPRequestHandler.__new__(http.server.SimpleHTTPRequestHandler)
    handler.path, handler.request_version, handler.requestline = "/set%20one/", "HTTP/0.9", ""
    handler.send_response = handler.send_header = lambda *_: None  # type: ignore[method-assign]
    handler.end_headers = lambda: None  # type: ignore[method-assign]
    page = handler.list_directory(str(tmp_path))
    assert page is not None
    found = read_listing(page.read(), HERE)
    assert sorted(found.folders) == sorted(["cat", "a#b?c%20d", "<i>", "ümlaut"])
    assert found.files == ["x y.png"]


@pytest.mark.parametrize(
    "href",
    [
        "../", "..", "./", ".", "/", "/set%20one/", "/other/", "//elsewhere.test/a/", "http://elsewhere.test/a.png",
        "https://pictures.test/set%20one/a.png", "http://pictures.test:8080/set%20one/a.png", "a/b.png", "a/b/",
        "?C=N;O=D", "a.png?size=1", "#top", "javascript:alert(1)", "mailto:a@b.test", "data:image/png;base64,AA",
        "%2e%2e/", "%2e%2e%2f", "a%2fb.png", "a%00b.png", "a%0ab.png", "a\\b.png", "a%5cb.png", "file:///etc/passwd",
        "http://user@pictures.test/set%20one/a.png", "http://[", "",
    ],
)  # fmt: skip
def test_a25_links_that_lead_elsewhere(href: str) -> None:
    found = read_listing(f'<a href="{href}">x</a>'.encode(), HERE)
    assert (found.folders, found.files) == ([], [])


@pytest.mark.parametrize(
    "href", ["a.png", "./a.png", "/set%20one/a.png", "http://pictures.test/set%20one/a.png", "a.png#part", " a.png "]
)
@pytest.mark.parametrize("quotes", ['"', "'"])
def test_links_to_what_is_there(href: str, quotes: str) -> None:
    found = read_listing(f"<A class=x HREF = {quotes}{href}{quotes}>x</A>".encode(), HERE)
    assert found.files == ["a.png"]


def test_a_name_that_is_listed_twice_is_one() -> None:
    found = read_listing(b'<a href="a.png">icon</a> <a href=a.png>a.png</a> <a href="%61.png">a</a>', HERE)
    assert found.files == ["a.png"]


def test_a25_a_page_with_more_links_than_are_read() -> None:
    page = b"".join(b"<a href=%d.png>" % i for i in range(MAX_LINKS + 1))
    with pytest.raises(InputError, match=f"more than {MAX_LINKS:,}"):
        read_listing(page, HERE)


def test_a_page_that_never_closes_its_tags_takes_no_longer() -> None:
    assert read_listing(b"<a " * 2_000_000, HERE).files == []


@given(st.binary(max_size=300))
def test_any_bytes_are_a_page(content: bytes) -> None:
    for page in (content, b'<a href="' + content + b'">'):
        found = read_listing(page, HERE)
        for name in (*found.folders, *found.files):
            assert name not in ("", ".", "..") and "/" not in name and "\0" not in name


def test_the_folder_that_a_page_is_the_index_of() -> None:
    assert folder_of(parse("http://a.test/b/index.html?x=/y/")) == "/b/"
    assert folder_of(parse("http://a.test")) == "/"
