from __future__ import annotations

import socket
from ipaddress import ip_address

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradus.core.errors import AddressError, InputError
from gradus.data.remote.address import Rules, host_entry, is_address, is_public, parse

NOT_PUBLIC = {  # the registries of IANA for special addresses, RFC 6890 and its successors
    "loopback": ["127.0.0.1", "127.255.255.254", "::1"],
    "this host": ["0.0.0.0", "0.1.2.3", "::"],
    "private": ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fc00::1", "fd00:ec2::254"],
    "link": ["169.254.169.254", "169.254.0.1", "fe80::1", "fec0::1"],
    "shared by carriers": ["100.64.0.1", "100.100.100.200", "100.127.255.255"],
    "multicast": ["224.0.0.1", "239.255.255.250", "ff02::1", "ff0e::1"],
    "reserved": ["240.0.0.1", "255.255.255.255", "192.0.0.192", "198.18.0.1"],
    "documentation": ["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1"],
    "IPv4 in IPv6": ["::ffff:10.0.0.1", "::ffff:127.0.0.1", "::127.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1",
                     "2002:7f00:1::", "2002:a00:1::1", "2001:0:a00:1::1"],
    "a cloud's host": ["168.63.129.16"],
}  # fmt: skip
PUBLIC = ["1.1.1.1", "8.8.8.8", "93.184.216.34", "100.63.255.255", "100.128.0.1", "172.32.0.1", "192.0.1.1",
          "2606:4700::1111", "2a00:1450::1", "64:ff9b::808:808"]  # fmt: skip


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in NOT_PUBLIC.items() for text in texts])
def test_what_is_not_public(kind: str, text: str) -> None:
    assert not is_public(ip_address(text))


@pytest.mark.parametrize("text", PUBLIC)
def test_what_is_public(text: str) -> None:
    assert is_public(ip_address(text))


@pytest.mark.parametrize(
    "text",
    [
        "http://127.0.0.1:8000", "http://localhost", "http://LOCALHOST./", "http://[::1]", "http://0",
        "http://0x7f000001", "http://0x7f.1", "http://2130706433", "http://127.1", "http://0177.0.0.1",
        "http://[::ffff:10.0.0.1]", "http://169.254.169.254/latest/meta-data/", "http://100.64.0.1",
        "http://metadata.google.internal", "http://printer.local", "http://1.1.1.1:22",
    ],
)  # fmt: skip
def test_a20_addresses_that_are_not_public(text: str) -> None:
    with pytest.raises(AddressError) as error:
        address = parse(text)
        Rules().check(address.host, address.port)
    assert error.value.code == "address_not_allowed"
    assert error.value.status == 422


def test_a20_this_machine_by_its_name_and_its_addresses() -> None:
    own = [a.address for each in psutil.net_if_addrs().values() for a in each if a.family is socket.AF_INET]
    for number in own:
        with pytest.raises(AddressError):
            Rules().choose(socket.gethostname(), 80, [number])


def test_a20_a_public_address_of_this_machine_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    interface = type("Interface", (), {"address": "93.184.216.34"})
    monkeypatch.setattr(psutil, "net_if_addrs", lambda: {"eth0": [interface]})
    with pytest.raises(AddressError, match="which is not a public address"):
        Rules().choose("example.org", 80, ["93.184.216.34"])
    assert Rules().choose("example.org", 80, ["93.184.216.35"]) == ["93.184.216.35"]


def test_one_address_that_is_not_public_spoils_a_name() -> None:
    with pytest.raises(AddressError):
        Rules().choose("example.org", 443, ["93.184.216.34", "10.0.0.1"])


@pytest.mark.parametrize(
    "text",
    [
        "file:///etc/passwd", "ftp://example.org/a", "gopher://example.org/", "jar:http://example.org!/a",
        "data:image/png;base64,AAAA", "//example.org/a", "http://user:pass@example.org/", "http://a@127.0.0.1",
        "http://exa mple/", "http://example.org/a\r\nX: y", "http://example.org\t/", "http://ex\\ample.org/",
        "http://аpple.com/", "http://１２７.0.0.1/", "http://example.org/" + "a" * 10_000, "http:///a", "http://",
        "http://example.org:0/", "http://example.org:99999/", "http://example.org:８０/", "http://[fe80::1%25eth0]/",
        "http://[::1/", "http://example..org/", "http://-a.org/", "http://" + "a" * 64 + ".org/", "http://%31.org/",
        "http://example.org#@127.0.0.1:80:80/", "",
    ],
)  # fmt: skip
def test_a21_what_is_no_address_of_the_web(text: str) -> None:
    if text == "http://example.org#@127.0.0.1:80:80/":
        assert parse(text).host == "example.org"  # what stands behind # is never sent
        return
    with pytest.raises(InputError) as error:
        parse(text)
    assert error.value.status == 422


def test_a21_another_port() -> None:
    with pytest.raises(AddressError, match="port 22"):
        Rules().check("example.org", 22)


def test_a_name_with_other_letters_is_spelled_for_who_means_it() -> None:
    with pytest.raises(InputError) as error:
        parse("https://bücher.example/")
    assert error.value.problem.hint == "If it is meant, write it as xn--bcher-kva.example"  # RFC 3492's algorithm


@pytest.mark.parametrize(
    ("text", "host", "port", "target"),
    [
        ("http://Example.ORG", "example.org", 80, "/"),
        ("HTTPS://example.org:8443/a b/ü?x=1#y", "example.org", 8443, "/a%20b/%C3%BC?x=1"),
        ("http://example.org?x", "example.org", 80, "/?x"),
        ("http://example.org/100%.jpg", "example.org", 80, "/100%25.jpg"),
        ("http://example.org/a%2Fb", "example.org", 80, "/a%2Fb"),
        ("http://[2606:4700:0::1111]:80/", "[2606:4700::1111]", 80, "/"),
        ("http://8.8.8.8/", "8.8.8.8", 80, "/"),
    ],
)
def test_addresses_taken_apart(text: str, host: str, port: int, target: str) -> None:
    address = parse(text)
    assert (address.host, address.port, address.target) == (host, port, target)


@given(st.text(max_size=60))
def test_any_text_is_an_address_or_is_refused(text: str) -> None:
    for start in ("", "http://", "http://example.org/", "https://["):
        try:
            address = parse(start + text)
        except InputError:
            continue
        assert str(address).isascii() and str(address).isprintable() and " " not in str(address)
        assert parse(str(address)) == address
        assert is_address(start + text)


def test_what_the_operator_allows_may_be_anywhere() -> None:
    rules = Rules.of(["lab.example", "10.0.0.5:8080"])
    rules.check("10.0.0.5", 8080)
    assert rules.choose("lab.example", 80, ["192.168.0.9"]) == ["192.168.0.9"]
    for host, port in (("10.0.0.5", 80), ("10.0.0.5", 8081), ("lab.example", 8080), ("x.lab.example.internal", 80)):
        with pytest.raises(AddressError) as error:
            rules.check(host, port)
        assert "gradus serve --allow-host" in str(error.value.problem.hint)
    Rules(None).check("localhost", 22)


@pytest.mark.parametrize(
    ("text", "entry"),
    [("Lab.Example", "lab.example"), (" lab:8080 ", "lab:8080"), ("[::1]:80", "[::1]:80"), ("10.1.2.3", "10.1.2.3")],
)
def test_allowed_hosts_as_they_are_compared(text: str, entry: str) -> None:
    assert host_entry(text) == entry


@pytest.mark.parametrize("text", ["", "http://lab", "lab/path", "a b", "lab:", ":80", "*", "user@lab", "lab:x"])
def test_what_is_no_host_to_allow(text: str) -> None:
    with pytest.raises(InputError):
        host_entry(text)
