"""File names that a disk can hold and that break programs, each of a picture of one gray level."""

from __future__ import annotations

import os

NAMES: tuple[bytes, ...] = (
    b"new\nline.jpg", b"carriage\rreturn.jpg", b"tab\there.jpg", b"-rf.jpg", b"--help.jpg", b" leading space.jpg",
    b"trailing space .jpg", b"'single'.jpg", b'"double".jpg', b"`back`.jpg", b"$(touch x).jpg", b"a;b|c&d.jpg",
    b"*?[x].jpg",
    b"<script>alert(1)<\xe2\x81\x84script>.jpg", b"\"><img src=x onerror=alert(1)>.jpg", b"{{7*7}}.jpg", b"${7*7}.jpg",
    b"100%41.jpg", b"%0A.jpg", b"%.jpg", b"back\\slash.jpg", b"C:colon.jpg", b"=cmd.jpg", b"@at.jpg", b".hidden.jpg",
    b"dots...jpg",
    b"not-utf-8-\xff\xfe.jpg", b"latin-caf\xe9.jpg", b"lone-\xed\xb3\xbf.jpg", "composed-é.jpg".encode(),
    "composed-e\N{COMBINING ACUTE ACCENT}.jpg".encode(), "\N{RIGHT-TO-LEFT OVERRIDE}gpj.exe.jpg".encode(),
    "line\N{LINE SEPARATOR}separator.jpg".encode(), "\N{GRINNING FACE}.jpg".encode(), b"\x01\x1b[31m\x7f.jpg",
    b"x" * 251 + b".jpg", b"case.jpg", b"CASE.jpg", b"1.png 0.jpg", b"# comment.jpg", b"http:colon.jpg",
)  # fmt: skip


def level(number: int) -> int:
    """The gray of the picture with this number, every one different."""
    return 5 * number + 10


def text(name: bytes) -> str:
    """The name as Python's functions of files take it."""
    return os.fsdecode(name)
