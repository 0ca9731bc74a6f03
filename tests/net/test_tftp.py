"""The TFTP server on loopback: who is admitted, who is refused, and the datagrams that ended other servers."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from time import monotonic

import gevent
import pytest
from gevent import socket
from gevent.event import Event

from pixiecore_core.boot import transfer as transfer_rules
from pixiecore_core.boot.transfer import Outcome
from pixiecore_core.errors import BootFileError, BootFileNotFound
from pixiecore_core.net import tftp, tftp_transfers
from pixiecore_core.net.tftp import Address, TftpFile, TftpServer, TransferReport
from pixiecore_core.wire.tftp import Ack, Data, Error, OptionAck, Packet, ReadRequest, parse, serialize

CONTENT = random.Random(1).randbytes(400_000)
"""Longer than three stretches of the reader."""


class Site:
    """A server, what it serves, and what it reported."""

    def __init__(self, address: str = "127.0.0.1", **settings: object) -> None:
        self.files: dict[str, bytes] = {"loader.efi": CONTENT, "dir/small": b"small", "empty": b""}
        self.opened: list[tuple[str, Address, str]] = []
        self.closed = 0
        self.reports: list[TransferReport] = []
        self.drops: list[str] = []
        self.clients: list[Client] = []
        self.hold = Event()
        self.hold.set()
        self.server = TftpServer(
            address,
            0,
            open_file=self.open,
            on_report=self.reports.append,
            on_drop=self.drops.append,
            **settings,  # type: ignore[arg-type]
        )
        self.server.start()

    def open(self, name: str, client: Address, local_address: str) -> TftpFile:
        self.opened.append((name, client, local_address))
        self.hold.wait()
        if name == "broken":
            raise RuntimeError("a plugin's mistake")
        if name == "unreadable":
            raise BootFileError("upstream is away")
        if name not in self.files:
            raise BootFileNotFound(f"there is no {name}")
        return TftpFile(len(self.files[name]), lambda at, length: self.files[name][at : at + length], self.close)

    def close(self) -> None:
        self.closed += 1

    def report(self) -> TransferReport:
        """The only report, or the one to come."""
        wait_until(lambda: self.reports)
        (report,) = self.reports
        return report


class Client:
    """A socket with a client's words."""

    def __init__(self, site: Site, host: str = "127.0.0.1", bound: str = "127.0.0.1") -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(3)
        self.socket.bind((bound, 0))
        self.main = (host, site.server.port)
        site.clients.append(self)
        self.peer: Address | None = None

    def ask(self, name: str = "loader.efi", mode: str = "octet", **options: object) -> None:
        self.send(ReadRequest(name, mode, tuple((key, str(value)) for key, value in options.items())), self.main)

    def send(self, packet: Packet | bytes, to: Address | None = None) -> None:
        data = packet if isinstance(packet, bytes) else serialize(packet)
        self.socket.sendto(data, to or self.peer or self.main)

    def receive(self) -> Packet:
        data, self.peer = self.socket.recvfrom(65536)
        return parse(data)

    def hears_nothing(self, seconds: float = 0.1) -> bool:
        self.socket.settimeout(seconds)
        try:
            self.socket.recvfrom(65536)
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(3)
        return False

    def fetch(self, name: str = "loader.efi", **options: int) -> bytes:
        self.ask(name, **options)
        blksize, windowsize = options.get("blksize", 512), options.get("windowsize", 1)
        received, number = bytearray(), 0
        while True:
            packet = self.receive()
            if isinstance(packet, OptionAck):
                self.send(Ack(0))
                continue
            assert isinstance(packet, Data), packet
            if packet.block == number + 1:
                number += 1
                received += packet.payload
                if number % windowsize == 0 or len(packet.payload) < blksize:
                    self.send(Ack(number))
            if len(packet.payload) < blksize:
                return bytes(received)


def wait_until(condition: Callable[[], object], seconds: float = 3.0) -> None:
    end = monotonic() + seconds
    while not condition():
        assert monotonic() < end, "did not happen in time"
        gevent.sleep(0.005)


@pytest.fixture
def new_site() -> Iterator[Callable[..., Site]]:
    sites: list[Site] = []

    def make(*arguments: str, **settings: object) -> Site:
        sites.append(Site(*arguments, **settings))
        return sites[-1]

    yield make
    for site in sites:
        site.server.stop(1)
        for client in site.clients:
            client.socket.close()


@pytest.fixture
def site(new_site: Callable[..., Site]) -> Site:
    return new_site()


def test_a_transfer_is_reported(site: Site) -> None:
    client = Client(site)
    assert client.fetch(blksize=1024, windowsize=4) == CONTENT
    report = site.report()
    assert (report.name, report.outcome, report.reason) == ("loader.efi", Outcome.SENT, "")
    assert (report.size, report.sent, report.blksize, report.windowsize) == (400_000, 400_000, 1024, 4)
    assert (report.client, report.local_address) == (client.socket.getsockname(), "127.0.0.1")
    assert 0 < report.seconds < 3
    assert site.closed == 1
    assert site.server.transfers == 0


def test_the_answer_comes_from_a_transfer_port(site: Site) -> None:
    """RFC 1350 section 4."""
    client = Client(site)
    client.ask()
    client.receive()
    assert client.peer is not None
    assert client.peer != client.main


def test_a_single_port_answers_from_itself(new_site: Callable[..., Site]) -> None:
    site = new_site("0.0.0.0", single_port=True)
    for host in ("127.0.0.1", "127.0.0.2"):
        client = Client(site, host)
        assert client.fetch(blksize=1000, windowsize=8) == CONTENT
        assert client.peer == client.main


def test_the_answer_comes_from_the_address_that_was_asked(new_site: Callable[..., Site]) -> None:
    site = new_site("0.0.0.0")
    for host in ("127.0.0.1", "127.0.0.2", "127.1.2.3"):
        client = Client(site, host)
        assert client.fetch() == CONTENT
        assert client.peer is not None
        assert client.peer[0] == host
        client.ask("nothing")
        assert isinstance(client.receive(), Error)
        assert client.peer[0] == host
    assert [local for *_, local in site.opened[::2]] == ["127.0.0.1", "127.0.0.2", "127.1.2.3"]


def test_every_transfer_has_a_port_of_its_own(site: Site) -> None:
    """RFC 1350 section 4. Who has learnt one knows nothing of the next, and it is closed with its transfer."""
    ports = set()
    for _ in range(8):
        client = Client(site)
        client.fetch("dir/small")
        assert client.peer is not None
        ports.add(client.peer[1])
        wait_until(lambda: site.server.transfers == 0)
        client.socket.connect(client.peer)
        client.socket.send(b"anybody?")
        with pytest.raises(ConnectionRefusedError):
            client.socket.recv(1)
    assert len(ports) > 4


@pytest.mark.parametrize("name", ["/dir/small", "\\dir\\small", "dir/small\xff", "//dir/small\xff\xff"])
def test_names_from_firmware_are_understood(site: Site, name: str) -> None:
    assert Client(site).fetch(name) == b"small"
    assert site.report().name == "dir/small"


def test_an_absolute_path_is_below_the_served_names(site: Site) -> None:
    client = Client(site)
    client.ask("/etc/passwd")
    assert client.receive() == Error(1, "there is no etc/passwd")
    assert site.opened[0][0] == "etc/passwd"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\0\1../../etc/passwd\0octet\0", 2),
        (b"\0\1..\\..\\boot.ini\0octet\0", 2),
        (b"\0\1" + b"n" * 10_000 + b"\0octet\0", 4),
        (b"\0\1" + b"n" * 1_500 + b"\0octet\0", 2),
        (b"\0\1" + bytes(65_000), 4),
        (b"\0\1no end", 4),
        (b"\0\1name\0octet", 4),
        (b"\0\1name\0octet\0blksize\0", 4),
        (b"\0\1\0octet\0", 2),
        (b"\0\1name\0netascii\0", 4),
        (b"\0\1name\0mail\0", 4),
        (b"\0\2name\0octet\0", 2),
    ],
    ids=lambda value: repr(value)[:24],
)
def test_requests_that_are_refused(site: Site, data: bytes, code: int) -> None:
    client = Client(site)
    client.send(data)
    answer = client.receive()
    assert isinstance(answer, Error)
    assert answer.code == code
    assert site.opened == []
    assert site.report().outcome is Outcome.REFUSED
    assert Client(site).fetch("dir/small") == b"small"


@pytest.mark.parametrize(
    "data", [b"", b"\0", b"\1", b"\0\1", b"\0\7xx", b"\xff" * 65_507, bytes(65_507), b"\0\5\0\0", b"\0\6\0\0"], ids=len
)
def test_what_is_no_request_gets_no_answer(site: Site, data: bytes) -> None:
    client = Client(site)
    client.send(data)
    assert Client(site).fetch("dir/small") == b"small"
    if data != b"\0\1":
        assert client.hears_nothing(0.02)
        assert site.drops == ["malformed"]


def test_a_thousand_random_datagrams_change_nothing(site: Site) -> None:
    chance = random.Random(7)
    client, transferring = Client(site), Client(site)
    transferring.ask("loader.efi")
    transferring.receive()
    for number in range(1000):
        data = bytearray(b"\0\1name\0octet\0blksize\x00512\0") if number % 2 else bytearray(chance.randbytes(30))
        data[chance.randrange(len(data))] = chance.randrange(256)
        client.send(bytes(data), chance.choice((client.main, transferring.peer)))
        if number % 50 == 0:
            gevent.sleep(0)
    assert Client(site).fetch() == CONTENT


def test_bad_option_values_fall_back_to_the_defaults(site: Site) -> None:
    """``blksize=abc`` ended tftpy 0.8.7; ``blksize=0`` never ended with fbtftp 0.5."""
    for options in ({"blksize": "abc"}, {"blksize": "0"}, {"windowsize": "-1"}, {"timeout": "1e3", "tsize": "x"}):
        client = Client(site)
        client.ask("loader.efi", **options)
        assert client.receive() == Data(1, CONTENT[:512])


def test_what_cannot_be_opened_is_told(site: Site, capfd: pytest.CaptureFixture[str]) -> None:
    for name, error in (
        ("nothing", Error(1, "there is no nothing")),
        ("unreadable", Error(0, "upstream is away")),
        ("broken", Error(0, "internal error")),
    ):
        client = Client(site)
        client.ask(name)
        assert client.receive() == error
    wait_until(lambda: len(site.reports) == 3)
    assert {report.outcome for report in site.reports} == {Outcome.REFUSED}
    assert site.server.transfers == 0
    assert "a plugin's mistake" in capfd.readouterr().err


def test_a_file_cut_short_while_it_is_sent_ends_the_transfer(site: Site) -> None:
    client = Client(site)
    client.ask("loader.efi", blksize=1024, windowsize=2)
    assert isinstance(client.receive(), OptionAck)
    site.files["loader.efi"] = CONTENT[:300_000]
    number = 0
    while True:
        client.send(Ack(number))
        packets = [client.receive()]
        if isinstance(packets[0], Data):
            packets.append(client.receive())
        if isinstance(packets[-1], Error):
            break
        number += 2
    assert packets[-1] == Error(0, "the file is shorter than it was when it was opened")
    assert site.report().outcome is Outcome.FAILED
    assert site.closed == 1


def test_a_slow_file_holds_up_nobody_else(site: Site) -> None:
    site.hold.clear()
    slow = Client(site)
    slow.ask()
    wait_until(lambda: site.opened)
    site.open = None  # type: ignore[assignment,method-assign]
    waiting = Client(site)
    waiting.ask("../x")
    assert isinstance(waiting.receive(), Error)
    assert slow.hears_nothing(0.05)
    site.hold.set()
    assert slow.receive() == Data(1, CONTENT[:512])


def test_slow_bytes_hold_up_nobody_else(site: Site) -> None:
    """A read from a disk or an upstream may take seconds in the middle of a file."""
    read = Event()

    def read_at(offset: int, length: int) -> bytes:
        if offset >= 200_000:
            read.wait()
        return CONTENT[offset : offset + length]

    site.server._open_file = lambda name, client, local: TftpFile(400_000, read_at, site.close)
    slow = Client(site)
    fetching = gevent.spawn(slow.fetch, blksize=1000, windowsize=16)
    gevent.sleep(0.05)
    del site.server._open_file
    site.server._open_file = site.open
    assert Client(site).fetch() == CONTENT
    assert not fetching.ready()
    read.set()
    assert fetching.get(timeout=3) == CONTENT


def test_a_request_that_came_twice_is_served_once(site: Site) -> None:
    site.hold.clear()
    client = Client(site)
    client.ask()
    client.ask()
    wait_until(lambda: site.opened)
    site.hold.set()
    first = client.receive()
    client.ask()
    assert client.receive() == first
    client.send(Ack(1))
    assert client.receive() == Data(2, CONTENT[512:1024])
    client.ask()  # a copy that was long on its way
    assert client.hears_nothing(0.05)
    assert len(site.opened) == 1


def test_another_request_from_the_same_port_takes_the_place_of_the_first(site: Site) -> None:
    """PXE ROMs ask from a fixed port; EDK2's ERROR after the size probe may be lost."""
    client = Client(site)
    client.ask("loader.efi", tsize=0)
    assert isinstance(client.receive(), OptionAck)
    client.ask("loader.efi", tsize=0, blksize=1000)
    second = client.receive()
    assert isinstance(second, OptionAck)
    assert second.options == (("tsize", "400000"), ("blksize", "1000"))
    assert site.report().outcome is Outcome.ABORTED
    assert site.server.transfers == 1


def test_another_request_while_the_first_is_opened(site: Site) -> None:
    site.hold.clear()
    client = Client(site)
    client.ask("loader.efi")
    client.ask("dir/small")
    wait_until(lambda: len(site.opened) == 2)
    site.hold.set()
    assert client.receive() == Data(1, b"small")
    assert site.report().outcome is Outcome.REFUSED
    assert site.closed == 1


def test_a_size_probe_ends_normally(site: Site) -> None:
    client = Client(site)
    client.ask("loader.efi", tsize=0)
    client.receive()
    client.send(Error(8, "User aborted the transfer"))
    assert site.report().outcome is Outcome.PROBED
    assert client.hears_nothing(0.05)


def test_a_wrong_port_gets_error_5_and_disturbs_nobody(site: Site) -> None:
    """RFC 1350 section 4, on the port of the requests. At a transfer's own port strangers are refused by the kernel."""
    client, stranger = Client(site), Client(site)
    client.ask()
    client.receive()
    stranger.send(Ack(1), stranger.main)
    answer = stranger.receive()
    assert isinstance(answer, Error)
    assert answer.code == 5
    stranger.socket.connect(client.peer)
    stranger.socket.send(serialize(Ack(1)))
    with pytest.raises(ConnectionRefusedError):
        stranger.socket.recv(1)
    client.send(Ack(1))
    assert client.receive() == Data(2, CONTENT[512:1024])


def test_an_error_or_a_late_ack_gets_no_error(site: Site) -> None:
    client, stranger = Client(site), Client(site)
    client.fetch("dir/small")
    stranger.send(Error(0, "x"), client.peer)
    assert stranger.hears_nothing(0.05)
    client.send(Ack(1))
    assert client.hears_nothing(0.05)


def test_strays_are_not_answered_without_end(site: Site) -> None:
    client, stranger = Client(site), Client(site)
    client.ask()
    client.receive()
    for _ in range(500):
        stranger.send(Ack(1), stranger.main)
        gevent.sleep(0)
    answers = 0
    while not stranger.hears_nothing(0.02):
        answers += 1
    assert answers <= 100


def test_an_ack_flood_gets_no_block(site: Site) -> None:
    client = Client(site)
    client.ask()
    client.receive()
    client.send(Ack(1))
    client.receive()
    for _ in range(2000):
        client.send(Ack(1))
    gevent.sleep(0.01)
    client.send(Ack(2))
    heard = []
    while not isinstance(heard[-1] if heard else None, Data) or heard[-1].block != 3:
        heard.append(client.receive())
    # A retransmission of block 2 may have been due meanwhile.
    assert {packet.block for packet in heard} <= {2, 3}
    assert len(heard) < 5


def test_a_client_that_vanishes_frees_its_place(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer_rules, "PATIENCE", 0.2)
    client = Client(site)
    client.ask(timeout=1)
    client.receive()
    client.send(Ack(0))
    assert client.receive() == Data(1, CONTENT[:512])
    client.socket.close()
    report = site.report()
    assert report.outcome is Outcome.ABORTED
    assert report.reason.startswith("the client does not listen")
    assert (site.server.transfers, site.closed) == (0, 1)


def test_a_client_that_never_answers_frees_its_place(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer_rules, "UNANSWERED_PATIENCE", 0.1)
    client = Client(site)
    client.ask(timeout=255)
    client.receive()
    report = site.report()
    assert (report.outcome, report.sent) == (Outcome.TIMED_OUT, 0)
    assert (site.server.transfers, site.closed) == (0, 1)


def begin(client: Client) -> Packet:
    """Ask, and acknowledge the options: the first block, or what comes in its place."""
    client.ask(blksize=512)
    answer = client.receive()
    if isinstance(answer, Error):
        return answer
    client.send(Ack(0))
    return client.receive()


def test_no_more_transfers_than_allowed(new_site: Callable[..., Site]) -> None:
    site = new_site(max_transfers=3)
    clients = [Client(site) for _ in range(5)]
    answers = [begin(client) for client in clients]
    assert answers[:3] == [Data(1, CONTENT[:512])] * 3
    assert answers[3:] == [Error(0, "the server is busy, try again")] * 2
    assert site.drops == ["busy"] * 2
    clients[0].send(Error(0, "enough"))
    wait_until(lambda: site.server.transfers == 2)
    assert clients[4].fetch("dir/small") == b"small"


def test_clients_that_answer_at_the_same_time_are_no_more_than_allowed(new_site: Callable[..., Site]) -> None:
    site = new_site(max_transfers=2)
    clients = [Client(site) for _ in range(4)]
    for client in clients:
        client.ask(blksize=512)
        assert isinstance(client.receive(), OptionAck)
    for client in clients:
        client.send(Ack(0))
    answers = [client.receive() for client in clients]
    assert sorted(isinstance(answer, Data) for answer in answers) == [False, False, True, True]


def test_one_host_cannot_take_every_place(new_site: Callable[..., Site]) -> None:
    site = new_site(max_transfers=100, share_of=lambda address: 2)
    clients = [Client(site) for _ in range(3)]
    assert isinstance([begin(client) for client in clients][2], Error)


def test_when_all_places_are_taken_one_that_stands_still_gives_way(
    new_site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tftp_transfers, "STALLED_SECONDS", 0.1)
    site = new_site(max_transfers=2)
    still, busy = Client(site), Client(site)
    begin(still)
    gevent.sleep(0.15)
    begin(busy)
    assert Client(site).fetch("dir/small") == b"small"
    assert site.drops == ["displaced"]
    busy.send(Ack(1))
    assert busy.receive() == Data(2, CONTENT[512:1024])


def test_when_all_places_are_taken_the_slowest_gives_way(
    new_site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blocks of eight bytes, acknowledged in time: two addresses held every place so, for 15 kB a second."""
    monkeypatch.setattr(tftp_transfers, "SLOW_SECONDS", 0.1)
    site = new_site(max_transfers=1)
    slow = Client(site)
    slow.ask(blksize=8)
    slow.receive()
    for number in range(4):
        slow.send(Ack(number))
        slow.receive()
        gevent.sleep(0.04)
    assert Client(site).fetch("dir/small") == b"small"
    assert site.drops == ["displaced"]


def test_of_the_unanswered_an_old_one_gives_way(new_site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch) -> None:
    """Those who never say a word keep nobody out, and are not reported one by one."""
    monkeypatch.setattr(tftp, "UNANSWERED", 16)
    site = new_site()
    clients = [Client(site) for _ in range(18)]
    for client in clients:
        client.ask(blksize=512)
        client.receive()
    assert site.drops == ["displaced"] * 2
    clients[17].send(Ack(0))
    assert clients[17].receive() == Data(1, CONTENT[:512])
    assert Client(site).fetch("dir/small") == b"small"
    wait_until(lambda: site.reports)
    assert [report.name for report in site.reports] == ["dir/small"]


def test_of_one_host_an_old_unanswered_one_gives_way(
    new_site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tftp_transfers, "UNANSWERED_OF_ONE", 2)
    site = new_site("0.0.0.0")
    first, other = Client(site), Client(site, bound="127.0.0.9")
    for client in (other, first, Client(site), Client(site)):
        client.ask(blksize=512)
        client.receive()
    assert site.drops == ["displaced"]
    other.send(Ack(0))
    assert other.receive() == Data(1, CONTENT[:512])


def test_before_the_first_answer_nothing_is_read(site: Site) -> None:
    read: list[int] = []

    def open_file(name: str, client: Address, local_address: str) -> TftpFile:
        def read_at(offset: int, length: int) -> bytes:
            read.append(length)
            return CONTENT[offset : offset + length]

        return TftpFile(len(CONTENT), read_at, lambda: None)

    site.server._open_file = open_file
    client = Client(site)
    client.ask(windowsize=64, blksize=1468)
    client.receive()
    plain = Client(site)
    plain.ask()
    assert plain.receive() == Data(1, CONTENT[:512])
    assert sum(read) == 512
    assert Client(site).fetch() == CONTENT


def test_a_request_in_a_clients_name_does_not_end_what_it_has_going_on(site: Site) -> None:
    """Only the client sees the port that the new answer comes from, so only it can accept it."""
    client = Client(site)
    assert begin(client) == Data(1, CONTENT[:512])
    running = client.peer
    client.ask("dir/small", tsize=0)
    assert isinstance(client.receive(), OptionAck)
    client.send(Ack(1), running)
    assert client.receive() == Data(2, CONTENT[512:1024])


def test_a_client_that_begins_anew_ends_what_it_had_going_on(site: Site) -> None:
    client = Client(site)
    begin(client)
    client.ask("dir/small", tsize=0)
    client.receive()
    client.send(Ack(0))
    assert client.receive() == Data(1, b"small")
    report = site.report()
    assert (report.name, report.outcome) == ("loader.efi", Outcome.ABORTED)


def test_many_clients_at_once(site: Site) -> None:
    clients = [Client(site, bound=f"127.0.0.{1 + number % 4}") for number in range(100)]
    fetching = [gevent.spawn(client.fetch, blksize=1400, windowsize=1 + n % 8) for n, client in enumerate(clients)]
    assert all(greenlet.get(timeout=20) == CONTENT for greenlet in fetching)
    wait_until(lambda: site.closed == 100)


def test_other_greenlets_get_their_turn_under_load(site: Site) -> None:
    """DHCP answers from the same loop."""
    fetching = [gevent.spawn(Client(site).fetch, blksize=1400) for _ in range(6)]
    longest, last = 0.0, monotonic()
    while not all(greenlet.ready() for greenlet in fetching):
        gevent.sleep(0)
        longest, last = max(longest, monotonic() - last), monotonic()
    assert longest < 0.25


def test_stopping_tells_clients_and_frees_the_port(site: Site) -> None:
    client = Client(site)
    client.ask()
    client.receive()
    waiting = Client(site)
    site.hold.clear()
    waiting.ask("dir/small")
    wait_until(lambda: len(site.opened) == 2)
    began = monotonic()
    site.server.stop(0.1)
    assert monotonic() - began < 1
    assert client.receive() == Error(0, "the server is stopping")
    assert (site.closed, site.server.transfers) == (1, 0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as again:
        again.bind(client.main)


def test_a_port_in_use_is_an_error(site: Site) -> None:
    with pytest.raises(OSError, match="in use"):
        TftpServer("127.0.0.1", site.server.port, open_file=site.open).bind()


def test_a_client_that_has_everything_and_is_gone_has_been_sent_it(site: Site) -> None:
    """What it said last may arrive with the news that it does not listen any more to what we had sent again."""
    client = Client(site)
    client.ask("dir/small", tsize=0)
    client.receive()
    client.send(Ack(0))
    assert client.receive() == Data(1, b"small")
    (session,) = site.server._transfers.sessions
    # In one turn of ours: the last word, then the client is gone, then a block that is sent again finds nobody.
    client.socket._sock.sendto(serialize(Ack(1)), client.peer)
    client.socket._sock.close()
    session.send([b"again"])
    assert site.report().outcome is Outcome.SENT
