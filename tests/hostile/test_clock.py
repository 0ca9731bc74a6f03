"""A wall clock that is set by a day: URLs, cache and holds do as docs/explanation/security.md says."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from pixiecore_core import Hold
from pixiecore_core.files.freshness import Validators
from pixiecore_core.files.store import Entry
from tests.net.test_boot_pages import SCRIPT, Site

DAY = 86_400
NOW = time.time


@pytest.fixture(params=[DAY, -DAY], ids=["forward", "back"])
def shift(request: pytest.FixtureRequest) -> int:
    days: int = request.param
    return days


def set_clock(monkeypatch: pytest.MonkeyPatch, shift: int) -> None:
    monkeypatch.setattr(time, "time", lambda: NOW() + shift)


def test_urls(tmp_path: Path, shift: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set forward, they expire; set back, they work a day longer."""
    site = Site(tmp_path)
    site.made(url_lifetime=3600)
    site.plugin(select_boot=lambda machine: site.spec)
    url = re.findall(r"/_/file\S+", site.get(SCRIPT).text)[0]
    set_clock(monkeypatch, shift)
    assert site.get(url).status_code == (404 if shift > 0 else 200)
    again = re.findall(r"/_/file\S+", site.get(SCRIPT).text)[0]
    assert site.get(again).status_code == 200, "a machine that starts again boots"


def test_the_cache_asks(shift: int) -> None:
    entry = Entry(
        url="http://h/x",
        body="0" * 32,
        size=1,
        sha256="0" * 64,
        modified=0,
        validators=Validators(),
        confirmed=NOW(),
        fresh_until=NOW() + 3600,
    )
    assert entry.is_fresh(NOW())
    assert not entry.is_fresh(NOW() + shift)


def test_holds_go_on(tmp_path: Path, shift: int, monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site(tmp_path)
    held = [True]
    site.plugin(select_boot=lambda machine: Hold(reason="wait") if held[0] else site.spec)
    assert site.get(SCRIPT).status_code == 503
    set_clock(monkeypatch, shift)
    assert site.get(SCRIPT).status_code == 503
    held[0] = False
    assert site.get(SCRIPT).status_code == 200
