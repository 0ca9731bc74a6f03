"""The stream of events: what it holds, that it is coalesced and shared, who may see what, and its bounds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import gevent
import pytest
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from pixiecore_core.engine.attempts import Attempts
from pixiecore_core.firmware.known import KNOWN
from pixiecore_core.models.facts import Booting, Fact, Ignored, ScriptSent
from pixiecore_core.observe.changes import Changes
from pixiecore_core.observe.frames import LastFrames
from pixiecore_core.observe.progress import Moving, Progress
from pixiecore_core.web import live as module
from pixiecore_core.web.live import PER_ADDRESS, READERS, SNAPSHOT, Live
from pixiecore_core.web.v1 import MachinePages


def mac(number: int) -> str:
    return f"52:54:00:00:{number >> 8:02x}:{number & 255:02x}"


class Room:
    """A stream, its machines, and a clock."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.attempts = Attempts(clock=lambda: self.now, wall=lambda: self.now)
        self.changes = Changes()
        self.progress = Progress()
        self.made = 0
        self.machines = MachinePages(
            self.attempts, self.progress, KNOWN, LastFrames(), lambda request: True, clock=lambda: self.now
        )
        self.live = Live(
            self.attempts,
            self.changes,
            self.progress,
            self._summaries,
            lambda request: request.remote_addr == "127.0.0.1",
            lambda: self.now,
        )

    def _summaries(self, macs: Any, full: bool) -> Iterator[Any]:
        for one in self.machines.summaries(macs, full):
            self.made += 1
            yield one

    def tell(self, fact: Fact) -> None:
        self.attempts.add(fact)
        self.changes.hear(fact)

    def ignore(self, number: int, reason: str = "a reason") -> None:
        self.tell(Ignored(mac=mac(number), stage="dhcp", reason=reason, at=self.now))

    def response(self, address: str = "127.0.0.1", last: str = "") -> Any:
        environ = EnvironBuilder(
            "/_/v1/events", headers={"Last-Event-ID": last} if last else {}, environ_base={"REMOTE_ADDR": address}
        ).get_environ()
        return self.live.pages()["/_/v1/events"](Request(environ))

    def read(self, address: str = "127.0.0.1", last: str = "") -> Stream:
        return Stream(self.response(address, last))


class Stream:
    """What a reader has been told."""

    def __init__(self, response: Any) -> None:
        assert response.status_code == 200
        assert response.content_type.startswith("text/event-stream")
        self._body = iter(response.response)
        assert next(self._body).startswith(b"retry: ")

    def raw(self) -> bytes:
        return next(self._body)

    def next(self) -> tuple[str, str, dict[str, Any]]:
        lines = self.raw().decode().splitlines()
        fields = dict(line.split(": ", 1) for line in lines if line)
        return fields["id"], fields["event"], json.loads(fields["data"])

    def close(self) -> None:
        self._body.close()  # type: ignore[attr-defined]


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    monkeypatch.setattr(module, "EVERY_SECONDS", 0.02)
    monkeypatch.setattr(module, "TALLY_SECONDS", 0.0)
    made = Room()
    yield made
    made.live.close()


def macs(news: dict[str, Any]) -> list[str]:
    return [one["mac"] for one in news["machines"]]


def test_first_the_machines_heard_of_last_then_what_changes(room: Room) -> None:
    for number in range(SNAPSHOT + 50):
        room.now += 1
        room.ignore(number)
    reader = room.read()
    _, event, news = reader.next()
    assert event == "snapshot"
    assert macs(news) == [mac(number) for number in range(SNAPSHOT + 49, 49, -1)]
    assert (news["known"], news["states"], news["at"]) == (SNAPSHOT + 50, {"ignored": SNAPSHOT + 50}, room.now)
    room.now += 1
    room.tell(ScriptSent(mac=mac(7), at=room.now))
    room.tell(Booting(mac=mac(7), at=room.now))
    _, event, news = reader.next()
    assert (event, macs(news), news["machines"][0]["state"]) == ("machines", [mac(7)], "booting")
    assert news["states"] == {"ignored": SNAPSHOT + 49, "booting": 1}


def test_many_changes_are_one_and_made_once_for_all_readers(room: Room) -> None:
    readers = [room.read() for _ in range(5)]
    for reader in readers:
        assert reader.next()[1] == "snapshot"
    room.made = 0
    for number in range(50):
        room.ignore(1, f"reason {number}")
    told = [reader.raw() for reader in readers]
    assert room.made == 1
    assert all(data is told[0] for data in told), "the same bytes"
    assert b"reason 49" in told[0]


def test_who_may_not_see_all_is_not_told_what_people_wrote(room: Room) -> None:
    room.ignore(1, "http://secret.example/kernel")
    room.progress.begin(Moving(mac(1), "secret-kernel", 100))
    full, other = room.read("127.0.0.1"), room.read("192.0.2.9")
    assert b"secret" in full.raw()
    data = other.raw()
    assert b"secret" not in data
    assert mac(1).encode() in data


def test_files_on_their_way_are_told_of_without_a_fact_and_when_they_end(room: Room) -> None:
    room.ignore(1)
    reader = room.read()
    reader.next()
    moving = room.progress.begin(Moving(mac(1), "vmlinuz", 100))
    moving.bytes = 40

    def until(sent: int | None) -> None:
        for _ in range(10):
            (machine,) = reader.next()[2]["machines"]
            if (machine["progress"] or {}).get("bytes") == sent:
                return
        raise AssertionError(f"never {sent}")

    until(40)
    room.progress.end(moving)
    until(None)


def test_a_machine_that_falls_silent_is_told_of_though_nothing_happens(room: Room) -> None:
    room.tell(ScriptSent(mac=mac(1), at=room.now))
    reader = room.read()
    assert reader.next()[2]["machines"][0]["state"] == "under way"
    room.now += 22
    assert reader.next()[2]["machines"][0]["state"] == "stalled"


def test_whoever_comes_back_is_told_what_was_missed(room: Room) -> None:
    for number in range(5):
        room.ignore(number)
    reader = room.read()
    identifier, *_ = reader.next()
    reader.close()
    room.ignore(3, "since")
    _, event, news = room.read(last=identifier).next()
    assert (event, macs(news)) == ("machines", [mac(3)])
    # Of another process, of the future, or rubbish: from the beginning.
    for other in ("0badc0de-1", identifier.replace("-", "-9999"), "rubbish", "-", "²-²"):
        stream = room.read(last=other)
        assert stream.next()[1] == "snapshot"
        stream.close()


def test_more_changes_than_fit_come_later(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AT_ONCE", 10)
    reader = room.read()
    began, *_ = reader.next()
    for number in range(25):
        room.now += 1
        room.ignore(number)
    told = [reader.next() for _ in range(3)]
    assert [len(news["machines"]) for _, _, news in told] == [10, 10, 5]
    assert macs(told[0][2])[0] == mac(24), "the latest first"
    assert [identifier == began for identifier, _, _ in told] == [True, True, False], "nothing is missed on coming back"


def test_a_reader_that_does_not_read_is_dropped_and_costs_the_others_nothing(room: Room) -> None:
    lazy, keen = room.read(), room.read()
    keen.next()
    for number in range(module._WAITING + 5):
        room.ignore(1, f"reason {number}")
        keen.raw()
    left = list(lazy._body)
    assert len(left) <= module._WAITING + 1, "it ends, with no more than what waited"


def test_readers_are_bounded_for_each_address_and_in_all(room: Room) -> None:
    held = [room.read("192.0.2.1") for _ in range(PER_ADDRESS)]
    refused = room.response("192.0.2.1")
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "10")
    held += [room.read(f"192.0.2.{2 + number}") for number in range(READERS - PER_ADDRESS)]
    assert room.response("192.0.2.250").status_code == 503
    held.pop().close()
    assert room.response("192.0.2.250").status_code == 200


def test_nothing_runs_while_nobody_reads(room: Room) -> None:
    reader = room.read()
    reader.next()
    reader.close()
    gevent.sleep(0.1)
    room.made = 0
    room.ignore(1)
    gevent.sleep(0.1)
    assert room.made == 0
    assert room.live._greenlet is None


def test_a_word_is_said_where_nothing_happens(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HEARTBEAT_SECONDS", 0.05)
    reader = room.read()
    reader.next()
    assert reader.raw().startswith(b": ")


def test_the_end_of_the_server_ends_streams(room: Room) -> None:
    reader = room.read()
    reader.next()
    room.live.close()
    assert list(reader._body) == []
    assert room.response().status_code == 503


def test_changes_are_bounded_and_know_what_they_have_forgotten() -> None:
    changes = Changes(most=3)
    for number in (1, 2, 3, 1, 4):
        changes.hear(Ignored(mac=mac(number), stage="dhcp", reason="x"))
    changes.hear(Ignored(stage="dhcp", reason="of nobody"))
    assert changes.version == 5
    assert changes.since(5) == []
    assert changes.since(3) == [mac(4), mac(1)]
    assert changes.since(2) == [mac(4), mac(1), mac(3)]
    assert changes.since(1) is None
    assert changes.since(6) is None
