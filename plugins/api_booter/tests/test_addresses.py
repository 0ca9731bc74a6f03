"""What URLs in an answer lead to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pixiecore_api_booter.addresses import Addresses

API = Addresses("http://api.example:8080/pixie", ["/srv/boot", "/srv/other"])


@pytest.mark.parametrize(
    ("url", "location"),
    [
        ("http://files.example/vmlinuz", "http://files.example/vmlinuz"),
        ("HTTPS://Files.example/a%20b?c=d", "HTTPS://Files.example/a%20b?c=d"),
        ("/vmlinuz", "http://api.example:8080/vmlinuz"),
        ("vmlinuz", "http://api.example:8080/pixie/vmlinuz"),
        ("./a/../b", "http://api.example:8080/pixie/b"),
        ("../up", "http://api.example:8080/up"),
        ("../../../up", "http://api.example:8080/up"),
        ("?kernel=1", "http://api.example:8080/pixie/v1?kernel=1"),
        ("//files.example/x", "http://files.example/x"),
        ("a?b:c", "http://api.example:8080/pixie/a?b:c"),
        ("./10.0.0.1:80/x", "http://api.example:8080/pixie/10.0.0.1:80/x"),
    ],
)
def test_urls(url: str, location: str) -> None:
    ref = API.ref(url)
    assert ref.location == location
    assert ref.root is None


def test_a_hash_behind_a_url_is_what_its_bytes_must_have() -> None:
    digest = "ab" * 32
    for url in (f"vmlinuz#sha256={digest}", f"file:///srv/boot/vmlinuz#sha256={digest}"):
        ref = API.ref(url)
        assert ref.sha256 == digest
        assert ref.location.endswith("/vmlinuz")
    for url in ("vmlinuz#elsewhere", "vmlinuz#sha", "vmlinuz#shape=round", "vmlinuz?sha256=ab"):
        assert API.ref(url).sha256 is None


@pytest.mark.parametrize(
    "fragment",
    [
        f"SHA256={'a' * 64}",
        f"sha512={'a' * 128}",
        f"sha256={'a' * 63}",
        f"sha256={'a' * 65}",
        f"sha256={'g' * 64}",
        f"sha256={'a' * 64}\x85",
        f"sha-256={'a' * 64}",
        f"sha256=a#sha256={'a' * 64}",
        "sha256=",
        "Sha=a/b",
    ],
)
@pytest.mark.parametrize("base", ["http://files.example/vmlinuz", "vmlinuz", "file:///srv/boot/vmlinuz"])
def test_a_mistyped_hash_is_no_missing_hash(base: str, fragment: str) -> None:
    with pytest.raises(ValueError, match="a hash is written #sha256= and 64 hexadecimal digits"):
        API.ref(f"{base}#{fragment}")


def test_an_api_at_the_root_of_its_host() -> None:
    assert Addresses("https://api.example").ref("a").location == "https://api.example/a"


@pytest.mark.parametrize(
    ("url", "location", "root"),
    [
        ("file:///srv/boot/vmlinuz", "/srv/boot/vmlinuz", "/srv/boot"),
        ("file:/srv/boot/vmlinuz", "/srv/boot/vmlinuz", "/srv/boot"),
        ("FILE://localhost/srv/other/a", "/srv/other/a", "/srv/other"),
        ("file:///srv/boot/a%20b", "/srv/boot/a b", "/srv/boot"),
        ("file:////srv/boot/a", "/srv/boot/a", "/srv/boot"),
        ("file:///etc/../srv/boot/./a", "/srv/boot/a", "/srv/boot"),
    ],
)
def test_files_below_a_root(url: str, location: str, root: str) -> None:
    ref = API.ref(url)
    assert (ref.location, ref.root) == (location, root)


@pytest.mark.parametrize(
    "path", ["/etc/shadow", "/srv/boot/../secret", "/srv/boot/%2e%2e/secret", "/srv/bootleg/x", "/srv", "/"]
)
def test_files_elsewhere_are_refused(path: str) -> None:
    with pytest.raises(ValueError, match="in no folder that --file-root allows"):
        API.ref(f"file://{path}")
    with pytest.raises(ValueError, match="no folder was allowed with --file-root"):
        Addresses("http://api.example").ref(f"file://{path}")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "is empty"),
        ("http:///vmlinuz", "names no host"),
        ("http:vmlinuz", "names no host"),
        (
            "http://[::1/x",
            r"'http://\[::1/x' does not name a possible host; an IPv6 address is written as in http://\[2001:db8",
        ),
        ("//[::1/x", r"'//\[::1/x' does not name a possible host"),
        ("http://h\u2100/x", "does not name a possible host"),
        ("http://h:99999/x", "'http://h:99999/x': the port must be a number from 1 to 65535"),
        ("http://h:abc/x", "'http://h:abc/x': the port must be"),
        ("https://h:0/x", "the port must be"),
        ("//h:-1/x", "'//h:-1/x': the port must be"),
        ("ftp://files.example/x", "neither an http, https or file URL"),
        ("localhost:8080/x", "neither an http, https or file URL"),
        ("10.0.0.1:80/x", "has a colon in its first segment"),
        ("a\nb", "control character"),
        ("file:///srv/boot/a%00b", "control character"),
        ("file://host/srv/boot/a", "must have the form file:///absolute/path"),
        ("file:relative", "must have the form file:///absolute/path"),
    ],
)
def test_what_cannot_be_booted_from(url: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        API.ref(url)


@given(st.text() | st.text("./%2e:fileroc\\?#@[]\0/ ", max_size=30).map(lambda text: f"file:///srv/boot/{text}"))
def test_no_url_leaves_the_roots(url: str) -> None:
    try:
        ref = API.ref(url)
    except ValueError:
        return
    assert ref.is_url or (ref.location + "/").startswith((f"{ref.root}/",))
    assert ".." not in ref.location.split("/") or ref.is_url
