"""``/_/v1``: machines and why they do not boot, as JSON; what strangers are not shown; and odd requests."""

from __future__ import annotations

import json
from ipaddress import IPv4Address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import Client

from pixiecore_core.engine.attempts import Attempts
from pixiecore_core.firmware.known import KNOWN
from pixiecore_core.models import Machine
from pixiecore_core.models.facts import Failed, Ignored, KernelSent, Offered, Reported, ScriptSent, StepFailed
from pixiecore_core.net.site import Site
from pixiecore_core.observe.frames import LastFrames
from pixiecore_core.observe.progress import Moving, Progress
from pixiecore_core.web.v1 import MachinePages
from tests.engine.samples import SAMPLES

MAC, OTHER = "52:54:00:12:34:56", "52:54:00:00:00:02"
SECRET = "http://intern.example/ada.iso"


class Pages:
    """The pages over a memory of attempts."""

    def __init__(self, full: bool = True) -> None:
        self.attempts, self.progress = Attempts(), Progress()
        self.full = full
        made = MachinePages(
            self.attempts,
            self.progress,
            KNOWN,
            LastFrames(),
            lambda request: self.full,
            ours_on=lambda interface: IPv4Address("192.0.2.7" if interface == "eth7" else "192.0.2.2"),
        )
        self._client = Client(Site(made.pages(), made.folders()))

    def get(self, path: str, ours: str = "192.0.2.2") -> Any:
        return self._client.get(
            path, environ_overrides={"pixiecore.local_address": (ours, 80), "REMOTE_ADDR": "192.0.2.9"}
        )

    def json(self, path: str) -> dict[str, Any]:
        response = self.get(path)
        assert response.status_code == 200, response.text
        found: dict[str, Any] = json.loads(response.text)
        return found


@pytest.fixture
def pages() -> Pages:
    return Pages()


def test_machines_the_one_heard_of_last_first(pages: Pages) -> None:
    pages.attempts.add(ScriptSent(mac=MAC, address="192.0.2.100"))
    pages.attempts.add(ScriptSent(mac=OTHER))
    pages.attempts.complete(Machine(mac=MAC, serial="S-1", manufacturer="Acme", product="M1", hostname="node1"))
    found = pages.json("/_/v1/machines")
    assert [one["mac"] for one in found["machines"]] == [OTHER, MAC]
    assert found["known"] == 2
    one = found["machines"][1]
    assert (one["serial"], one["manufacturer"], one["model"], one["name"]) == ("S-1", "Acme", "M1", "node1")
    assert (one["state"], one["step"], one["progress"]) == ("under way", "after its script", None)


@pytest.mark.parametrize(
    ("query", "macs"),
    [
        ("?limit=1", [OTHER]),
        ("?limit=all", [OTHER, MAC]),
        ("?state=failed", [MAC]),
        ("?find=S-1", [MAC]),
        ("?find=00:02", [OTHER]),
        ("?find=nothing", []),
        ("?state=booted", []),
    ],
)
def test_some_of_them(pages: Pages, query: str, macs: list[str]) -> None:
    pages.attempts.add(StepFailed(mac=MAC, step="kernel", number="2d0c613b", problem="HTTP 404"))
    pages.attempts.complete(Machine(mac=MAC, serial="S-1"))
    pages.attempts.add(ScriptSent(mac=OTHER))
    assert [one["mac"] for one in pages.json(f"/_/v1/machines{query}")["machines"]] == macs


@pytest.mark.parametrize("query", ["?limit=-1", "?limit=x", "?limit=1e9", "?limit=٣"])
def test_a_limit_that_is_none(pages: Pages, query: str) -> None:
    assert pages.get(f"/_/v1/machines{query}").status_code == 400


def test_one_machine_with_its_timeline_and_why(pages: Pages) -> None:
    pages.attempts.add(ScriptSent(mac=MAC, at=10.0))
    pages.attempts.add(Failed(mac=MAC, at=12.5, via="HTTP", step="file", reason=f"{SECRET} says 404"))
    found = pages.json(f"/_/v1/machines/{MAC.upper()}")
    assert [entry["offset"] for entry in found["timeline"]] == [0.0, 2.5]
    assert found["timeline"][1]["level"] == "warning"
    (why,) = found["diagnoses"]
    assert why["cause"] == "file-failed"
    assert SECRET in why["says"]
    assert pages.json("/_/v1/machines/latest")["mac"] == MAC


def test_a_machine_that_never_asked(pages: Pages) -> None:
    found = pages.json(f"/_/v1/machines/{MAC}")
    assert found["state"] == "not heard of"
    assert [one["cause"] for one in found["diagnoses"]] == ["no-request"]
    assert any("192.0.2.2" in line for line in found["diagnoses"][0]["mend"])
    assert pages.get("/_/v1/machines/latest").status_code == 404


def test_what_to_do_names_the_address_that_machines_reach_us_by(pages: Pages) -> None:
    """And not the loopback address by which a command on this host asks."""
    assert "must lead to 192.0.2.2" in pages.get(f"/_/v1/machines/{MAC}", "127.0.0.1").text
    at = 10.0
    request = {"mac": MAC, "stage": "dhcp", "client": "PXE", "architecture": "UEFI x86_64", "interface": "eth7"}
    for second in (0.0, 4.0, 12.0):
        pages.attempts.add(Offered.model_validate(request | {"at": at + second}))
    attempt = pages.attempts.latest(MAC)
    assert attempt is not None
    attempt.machine = Machine(mac=MAC, interface="eth7")
    assert "192.0.2.7" in pages.get(f"/_/v1/machines/{MAC}", "127.0.0.1").text


@pytest.mark.parametrize("path", ["nonsense", "", "52:54:00:12:34", f"{MAC}/else", f"{MAC}/frames.pcap/x"])
def test_what_is_no_machine(pages: Pages, path: str) -> None:
    assert pages.get(f"/_/v1/machines/{path}").status_code in (400, 404)


def test_progress_of_a_file(pages: Pages) -> None:
    pages.attempts.add(ScriptSent(mac=MAC))
    moving = pages.progress.begin(Moving(MAC, "vmlinuz", 1000, 250))
    (one,) = pages.json("/_/v1/machines")["machines"]
    assert (one["progress"]["file"], one["progress"]["bytes"], one["progress"]["size"]) == ("vmlinuz", 250, 1000)
    pages.progress.end(moving)
    (one,) = pages.json("/_/v1/machines")["machines"]
    assert one["progress"] is None


def test_strangers_see_no_names_of_files_no_urls_and_nothing_that_people_wrote() -> None:
    pages = Pages(full=False)
    written = "Ada's own words"
    facts = [
        Offered(mac=MAC, stage="dhcp", client="PXE", wait=written, because=written),
        Ignored(mac=MAC, stage="script", reason=written, told=written),
        KernelSent(mac=MAC, via="HTTP", file=SECRET, purpose="kernel", bytes=1, size=1, seconds=0),
        Failed(mac=MAC, via="HTTP", step="file", reason=f"{SECRET} {written}", file=SECRET),
        Reported(mac=MAC, step=written),
        StepFailed(mac=MAC, step="kernel", number="2d0c613b", problem=written, then=written, screen=written),
    ]
    for fact in [*facts, *(fact.model_copy(update={"mac": MAC}) for fact in SAMPLES), *facts]:
        pages.attempts.add(fact)
    pages.attempts.complete(Machine(mac=MAC, hostname=written, asset=written, serial="S-1"))
    pages.progress.begin(Moving(MAC, SECRET, 10))
    for path in ("/_/v1/machines", f"/_/v1/machines/{MAC}"):
        text = pages.get(path).text
        for hidden in (written, SECRET, "vmlinuz", "approved by Ada", "retrieving", "partitioning"):
            assert hidden not in text, (path, hidden)
        assert "S-1" in text
    assert pages.json("/_/v1/machines?find=Ada")["machines"] == []
    assert pages.get(f"/_/v1/machines/{MAC}/frames.pcap").status_code == 403


def test_frames_are_a_capture(pages: Pages) -> None:
    response = pages.get(f"/_/v1/machines/{MAC}/frames.pcap")
    assert response.status_code == 200
    assert response.headers["Content-Disposition"] == 'attachment; filename="52-54-00-12-34-56.pcap"'
    assert response.data[:4] in (b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d")


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_path_and_query(path: str, query: str) -> None:
    pages = Pages()
    pages.attempts.add(ScriptSent(mac=MAC))
    assert pages.get(f"/_/v1/machines/{path}").status_code in (200, 400, 403, 404)
    assert pages.get(f"/_/v1/machines?find={query}&state={query}&limit={query}").status_code in (200, 400)
