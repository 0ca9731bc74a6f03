"""Files from other web servers: passed through whole, or failed for a stated reason."""

from __future__ import annotations

import hashlib

import pytest

from pixiecore_core.errors import BootFileError, BootFileNotFound, BootFileTimeout
from pixiecore_core.files import upstream
from pixiecore_core.files.upstream import Upstream, pass_through, shown
from pixiecore_core.models import BootFile, FileRef
from tests.files.web import Page, Site

DATA = bytes(range(256)) * 4000
TAG = {"ETag": '"one"'}


def opened(url: str, sha256: str | None = None) -> BootFile:
    return pass_through(Upstream(), FileRef(location=url, sha256=sha256))


def read(file: BootFile, start: int = 0) -> bytes:
    try:
        parts = []
        while start < file.size:
            parts.append(file.source.read_at(start, 100_000))
            start += len(parts[-1])
        return b"".join(parts)
    finally:
        file.source.close()


def test_it_is_passed_through(site: Site) -> None:
    file = opened(site.put("/boot/vmlinuz?x=1", Page(DATA, headers=TAG)))
    assert (file.name, file.size, file.etag) == ("vmlinuz", len(DATA), '"one"')
    assert read(file) == DATA


def test_a_jump_asks_upstream_again_by_range(site: Site) -> None:
    file = opened(site.put("/x", Page(DATA, headers=TAG)))
    assert file.source.read_at(5000, 100) == DATA[5000:5100]
    assert file.source.read_at(5100, 100) == DATA[5100:5200]
    assert file.source.read_at(10, 5) == DATA[10:15]
    file.source.close()


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (Page(DATA, headers=TAG), Page(DATA, headers={"ETag": '"two"'}), "has changed"),
        (Page(DATA, headers=TAG, ranges=False), None, "cannot be read from the middle"),
        (Page(DATA), None, "which version"),
    ],
)
def test_where_no_part_can_be_asked_for_one_can_only_go_forward(
    site: Site, before: Page, after: Page | None, message: str
) -> None:
    file = opened(site.put("/x", before))
    if after is not None:
        site.put("/x", after)
    assert file.source.read_at(5000, 100) == DATA[5000:5100], "by reading past what comes before"
    assert file.source.read_at(5200, 100) == DATA[5200:5300]
    with pytest.raises(BootFileError, match=message):
        file.source.read_at(1000, 100)
    file.source.close()


def test_a_body_that_ends_early_is_an_error(site: Site) -> None:
    with pytest.raises(BootFileError, match=r"ended after 1,000|IncompleteRead"):
        read(opened(site.put("/x", Page(DATA, cuts=[1000]))))


def test_a_body_without_length_is_spooled(site: Site) -> None:
    file = opened(site.put("/x", Page(DATA, length=False)))
    assert file.size == len(DATA)
    assert file.source.read_at(700, 100) == DATA[700:800]
    assert read(file) == DATA


def test_a_spool_has_a_limit(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upstream, "SPOOL_LIMIT", 1000)
    with pytest.raises(BootFileError, match="gives no length"):
        opened(site.put("/x", Page(DATA, length=False)))


def test_a_spool_has_a_time_limit(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upstream, "SPOOL_SECONDS", 0.05)
    with pytest.raises(BootFileTimeout, match="gives no length"):
        opened(site.put("/x", Page(DATA[:50_000], length=False, pause=0.02)))


@pytest.mark.parametrize("length", [True, False])
def test_what_must_have_a_hash_is_never_passed_whole_with_another(site: Site, length: bool) -> None:
    url = site.put("/x", Page(DATA, length=length))
    assert read(opened(url, hashlib.sha256(DATA).hexdigest())) == DATA
    passed = b""
    with pytest.raises(BootFileError, match=r"has sha256 .* not 00"):  # noqa: PT012 - how much came before counts
        file = opened(url, "00" * 32)
        while len(passed) < len(DATA):
            passed += file.source.read_at(len(passed), 100_000)
    assert len(passed) < len(DATA)


@pytest.mark.parametrize(
    ("status", "error"),
    [(404, BootFileNotFound), (410, BootFileNotFound), (403, BootFileError), (500, BootFileError)],
)
def test_an_upstream_error_is_named(site: Site, status: int, error: type[BootFileError]) -> None:
    with pytest.raises(error, match=f"upstream says {status}"):
        opened(site.put("/x", Page(status=status)))


def test_an_upstream_that_is_not_there_is_named() -> None:
    with pytest.raises(BootFileError, match=r"127\.0\.0\.1:9/x.*[Rr]efused"):
        opened("http://127.0.0.1:9/x")


def test_a_host_that_has_no_address_is_named() -> None:
    with pytest.raises(BootFileError, match=r"no-such-host\.invalid"):
        opened("http://no-such-host.invalid/x")


def test_silence_is_a_timeout(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upstream, "READ_SECONDS", 0.1)
    file = opened(site.put("/x", Page(DATA[:1000], pause=1)))
    with pytest.raises(BootFileTimeout, match=r"sent nothing for 0\.1 s"):
        file.source.read_at(0, 1000)
    file.source.close()


def test_redirects_are_followed_but_not_in_a_circle(site: Site) -> None:
    site.put("/new", Page(DATA))
    assert read(opened(site.put("/old", Page(status=302, headers={"Location": "/new"})))) == DATA
    with pytest.raises(BootFileError, match="redirects more than 10 times"):
        opened(site.put("/circle", Page(status=302, headers={"Location": "/circle"})))
    with pytest.raises(BootFileError):
        opened(site.put("/file", Page(status=302, headers={"Location": "file:///etc/passwd"})))


def test_passwords_in_urls_are_not_shown() -> None:
    assert shown("http://me:secret@host:8080/x?y#z") == "http://me:…@host:8080/x?y#z"
    with pytest.raises(BootFileError) as caught:
        opened("http://me:secret@127.0.0.1:9/x")
    assert "secret" not in str(caught.value)
