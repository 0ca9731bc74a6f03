"""Several machines at once on all four ports, honest and not, in any order: none sees what is another's, and the server
remembers no more than it may. A hypothesis state machine over the room of room.py.
"""

from __future__ import annotations

import contextlib
import time
from typing import Any

import gevent
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.database import DirectoryBasedExampleDatabase
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from pixiecore_core.wire import tftp
from pixiecore_core.wire.dhcp4 import Option
from tests.fuzz.fuzzing import KEPT, tell
from tests.fuzz.room import Client, Room, noticing_errors, small_bounds
from tests.golden import golden_datagrams

NAME = "interleaving"
CLIENTS = 7
"""More than are remembered."""

_clients = st.integers(0, CLIENTS - 1)
_stages = st.sampled_from(["dhcp", "pxe"])
_any = st.integers(0, 1 << 30)
_GOLDEN = [datagram.data for datagram in golden_datagrams()]
_junk = st.binary(max_size=600) | st.builds(
    lambda which, at, change: _changed(_GOLDEN[which], at, change),
    st.integers(0, len(_GOLDEN) - 1),
    st.integers(0, 300),
    st.binary(max_size=8),
)
_SAID = [
    b"",
    b"G",
    b"GET / HTTP/1.1\r\nHost:",
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\x16\x03\x01\x02\x00",
    b"\r\n" * 9,
]


def _one(of: dict[str, str] | list[Any], number: int) -> Any:
    every = list(of)
    return every[number % len(every)]


def _changed(data: bytes, at: int, change: bytes) -> bytes:
    return data[:at] + change + data[at + len(change) :]


class Interleaving(RuleBasedStateMachine):
    """One room, from its opening to its close."""

    def __init__(self) -> None:
        super().__init__()
        self._stack = contextlib.ExitStack()
        self._stack.enter_context(small_bounds())
        self.room = Room(CLIENTS)
        self._stack.enter_context(noticing_errors(lambda: self.room))
        self.replays: list[tuple[int, str, int, bool]] = []
        self.ports: list[int] = [self.room.tftp.port]

    def _client(self, number: int, having: str = "") -> Client | None:
        """The client of that number, or the next one that has what a step needs."""
        clients = self.room.clients[number:] + self.room.clients[:number]
        return next((one for one in clients if not having or getattr(one, having)), None)

    def _has(self, what: str) -> bool:
        return self._client(0, what) is not None

    @rule(number=_clients, stage=_stages, xid=st.integers(0, 5), ipxe=st.booleans(), name=st.binary(max_size=8))
    def ask(self, number: int, stage: str, xid: int, ipxe: bool, name: bytes) -> None:
        """The xids are few, so that machines choose the same."""
        self.replays.append((number, stage, xid, ipxe))
        self.room.ask(self.room.clients[number], stage, xid, {Option.HOST_NAME: name} if name else {}, ipxe)

    @precondition(lambda self: self.replays)
    @rule(which=_any, times=st.integers(1, 3))
    def replay(self, which: int, times: int) -> None:
        """The same once more, or what was asked long ago."""
        number, stage, xid, ipxe = _one(self.replays, which)
        for _ in range(times):
            self.room.ask(self.room.clients[number], stage, xid, {}, ipxe)

    @rule(number=_clients, stage=_stages, data=_junk)
    def junk_by_dhcp(self, number: int, stage: str, data: bytes) -> None:
        """What real firmware sent, changed, or noise. What it is answered is for nobody here."""
        self.room.hear()
        self.room.receive(data, stage, self.room.clients[number])
        self.room.answerer.wait(5)
        self.room.sent = [one for one in self.room.sent if self._is_ours(one)]

    def _is_ours(self, sent: Any) -> bool:
        asked = {(xid, mac) for client in self.room.clients for xid, _, mac in client.asked}
        return (sent[0].xid, sent[0].chaddr.hex(":")) in asked

    @rule(number=_clients, other=_clients)
    def take_a_name(self, number: int, other: int) -> None:
        """A client calls itself by the MAC address of another, or by one that nobody has."""
        self.room.clients[number].mac = (
            f"52:54:00:00:00:{other:02x}" if other < CLIENTS - 2 else f"52:54:00:00:01:{number:02x}"
        )

    @rule()
    def listen(self) -> None:
        """Time passes, and answers arrive."""
        gevent.sleep(0)
        self.room.hear_all()

    @precondition(lambda self: self._has("scripts"))
    @rule(number=_clients, which=_any)
    def fetch_script(self, number: int, which: int) -> None:
        """By the URL of an offer, however old."""
        client = self._client(number, "scripts")
        assert client is not None
        self.room.fetch_script(client, _one(client.scripts, which))

    @precondition(lambda self: self._has("files"))
    @rule(
        number=_clients,
        which=_any,
        most=st.none() | st.none() | st.integers(1, 60_000),
        part=st.none() | st.tuples(st.integers(0, 90_000), st.integers(0, 90_000)),
    )
    def fetch_file(self, number: int, which: int, most: int | None, part: tuple[int, int] | None) -> None:
        """Whole, in part, or until the client hangs up."""
        client = self._client(number, "files")
        assert client is not None
        self.room.fetch_file(client, _one(client.files, which), most, part)

    @rule(number=_clients, said=st.sampled_from(_SAID) | st.binary(max_size=30), times=st.integers(1, 5))
    def hold_connections(self, number: int, said: bytes, times: int) -> None:
        """Connections that say little and stay."""
        for _ in range(times):
            self.room.hold_connection(self.room.clients[number], said)

    @precondition(lambda self: self._has("connections"))
    @rule(number=_clients)
    def hang_up(self, number: int) -> None:
        """The oldest connection goes."""
        client = self._client(number, "connections")
        assert client is not None
        client.connections.pop(0).close()
        gevent.sleep(0.001)

    @rule(
        number=_clients,
        other=_clients,
        loader=st.sampled_from(["bios/undionly.kpxe", "efi-x64/snponly.efi", "efi-x64/grubx64.efi"]),
        options=st.sampled_from([(), (("tsize", "0"),), (("windowsize", "4"), ("timeout", "255"))]),
    )
    def begin_download(self, number: int, other: int, loader: str, options: tuple[tuple[str, str], ...]) -> None:
        """A loader in a machine's folder, which anybody may ask for."""
        self.room.begin_download(self.room.clients[number], self.room.clients[other].mac, loader, options)

    @precondition(lambda self: self._has("downloads"))
    @rule(number=_clients, which=_any, acknowledges=st.booleans())
    def go_on_with_download(self, number: int, which: int, acknowledges: bool) -> None:
        """Hear and answer, or only hear."""
        client = self._client(number, "downloads")
        assert client is not None
        download = _one(client.downloads, which)
        self.room.go_on(download, acknowledges)
        if download.server is not None:
            self.ports.append(download.server[1])

    @precondition(lambda self: self._has("downloads"))
    @rule(number=_clients, which=_any)
    def finish_download(self, number: int, which: int) -> None:
        """As firmware does, but others come in between."""
        client = self._client(number, "downloads")
        assert client is not None
        for _ in range(8):
            self.room.go_on(_one(client.downloads, which))

    @rule(number=_clients)
    def boot(self, number: int) -> None:
        """Several of an iPXE's steps at once, since chance finds them seldom."""
        client = self.room.clients[number]
        self.room.ask(client, "dhcp", number, {}, ipxe=True)
        self.listen()
        for path in client.scripts:
            self.room.fetch_script(client, path)

    @precondition(lambda self: self._has("downloads"))
    @rule(number=_clients, which=_any)
    def leave_download(self, number: int, which: int) -> None:
        """Go away without a word."""
        client = self._client(number, "downloads")
        assert client is not None
        client.downloads.pop(which % len(client.downloads)).socket.close()

    @rule(number=_clients, block=st.integers(0, 20), data=st.none() | st.binary(max_size=40))
    def forge(self, number: int, block: int, data: bytes | None) -> None:
        """Acknowledge, or babble, on every port that anybody was ever served from."""
        said = tftp.serialize(tftp.Ack(block)) if data is None else data
        self.room.forge(self.room.clients[number], said, self.ports[-20:])

    @invariant()
    def nothing_grows(self) -> None:
        """After every step."""
        self.room.check_bounds()

    def teardown(self) -> None:
        """An honest machine boots still; then nothing is left."""
        try:
            self.listen()
            for client in self.room.clients:
                while client.connections:
                    client.connections.pop().close()
            gevent.sleep(0.002)
            self._boot(self.room.clients[-1])
            self.room.check_bounds()
            self.room.close()
        finally:
            self._stack.close()

    def _boot(self, client: Client) -> None:
        client.mac, client.scripts, client.files = "52:54:00:00:02:00", {}, {}
        self.room.ask(client, "dhcp", 77, {}, ipxe=True)
        self.listen()
        assert client.scripts, "an honest machine got no offer"
        with gevent.Timeout(5):
            while not client.files:
                self.room.fetch_script(client, _one(client.scripts, 0))
        self.room.fetch_file(client, _one(client.files, 0), None, None)


def run(seconds: float) -> None:
    """Play rooms until the time is over; tells how many there were."""
    until, rooms = time.monotonic() + seconds, 0
    database = DirectoryBasedExampleDatabase(KEPT / "hypothesis")
    while time.monotonic() < until:
        check(20, 60, database)
        rooms += 20
    tell(rooms)


def check(rooms: int, steps: int, database: Any = None, derandomize: bool = False) -> None:
    """So many rooms of so many steps.

    :raises Exception: whatever was seen that must not be, with the steps that lead there
    """
    quiet = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    chosen = settings(
        max_examples=rooms,
        stateful_step_count=steps,
        deadline=None,
        database=database,
        derandomize=derandomize,
        suppress_health_check=quiet,
        phases=[Phase.reuse, Phase.generate, Phase.shrink],
    )
    run_state_machine_as_test(Interleaving, settings=chosen)
