"""What frames say: UDP datagrams, and the heads of HTTP over TCP, each with its time and its addresses.

Puts fragments and TCP streams together, bounded. A frame that cannot be read is counted and passed over. What a
datagram means is for whoever asked.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from pixiecore_core.errors import WireError
from pixiecore_core.wire import ip4, tcp4, udp4
from pixiecore_core.wire.captured import Frame
from pixiecore_core.wire.http_heads import Body, Head, Heads
from pixiecore_core.wire.link import ipv4_in
from pixiecore_core.wire.tcp4 import Flag, Segment
from pixiecore_core.wire.tcp_stream import Piece, Stream

MOST_CONNECTIONS = 4096
"""That are followed at once; the one that was silent longest is given up."""
Endpoint = tuple[IPv4Address, int]


@dataclass(frozen=True, slots=True)
class Datagram:
    """A UDP datagram."""

    at: int
    """Nanoseconds since the epoch."""
    packet: udp4.UdpPacket
    source: str = ""
    """The hardware address that the frame came from; empty where that is not known."""
    destination: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """Something that was said in an HTTP connection."""

    at: int
    client: Endpoint
    server: Endpoint
    what: Head | Body
    by_client: bool


@dataclass(slots=True)
class _Direction:
    stream: Stream
    heads: Heads


@dataclass(slots=True)
class _Connection:
    client: Endpoint
    server: Endpoint
    directions: dict[Endpoint, _Direction] = field(init=False)

    def __post_init__(self) -> None:
        methods: deque[str] = deque()
        self.directions = {
            self.client: _Direction(Stream(), Heads(methods, responses=False)),
            self.server: _Direction(Stream(), Heads(methods, responses=True)),
        }

    def told(self, speaker: Endpoint, pieces: Iterable[Piece]) -> Iterator[Said]:
        heads = self.directions[speaker].heads
        for piece in pieces:
            for what in heads.skip(piece.at, piece.gap) if piece.gap else heads.take(piece.at, piece.data):
                yield self.said(speaker, what)

    def finish(self, speaker: Endpoint, at: int) -> Iterator[Said]:
        direction = self.directions[speaker]
        yield from self.told(speaker, direction.stream.finish())
        for what in direction.heads.finish(at):
            yield self.said(speaker, what)

    def said(self, speaker: Endpoint, what: Head | Body) -> Said:
        return Said(what.at, self.client, self.server, what, speaker == self.client)


class Decoder:
    """Reads frames, one after the other.

    :param http: also TCP; without it UDP alone
    """

    def __init__(self, http: bool = True) -> None:
        self._http = http
        self._fragments = ip4.Reassembler()
        self._connections: dict[frozenset[Endpoint], _Connection] = {}
        self._at = 0
        self.unreadable: Counter[str] = Counter()
        """How many frames could not be read, by reason."""

    def take(self, frame: Frame) -> Iterator[Datagram | Said]:
        """What is complete with *frame*."""
        self._at = frame.at
        try:
            linked = ipv4_in(frame)
            packet = self._fragments.whole(ip4.parse(linked.packet, captured=True), frame.at) if linked else None
            if linked is None or packet is None:
                return
            if packet.protocol == ip4.UDP:
                yield Datagram(frame.at, udp4.inside(packet), linked.source, linked.destination)
            elif packet.protocol == ip4.TCP and self._http:
                yield from self._segment(frame.at, tcp4.inside(packet))
        except WireError as error:
            self.unreadable[error.reason if len(self.unreadable) < 100 else "others"] += 1

    def finish(self) -> Iterator[Said]:
        """What is left: there are no more frames."""
        for connection in self._connections.values():
            yield from self._end(connection, self._at)
        self._connections.clear()

    def _segment(self, at: int, segment: Segment) -> Iterator[Said]:
        source, destination = (segment.source, segment.source_port), (segment.destination, segment.destination_port)
        key = frozenset((source, destination))
        connection = self._connections.pop(key, None)
        if connection is not None and _begins_anew(connection, source, segment):
            yield from self._end(connection, at)
            connection = None
        if connection is None:
            connection = _opened(source, destination, segment)
        self._connections[key] = connection
        if len(self._connections) > MOST_CONNECTIONS:
            yield from self._end(self._connections.pop(next(iter(self._connections))), at)
        stream = connection.directions[source].stream
        if Flag.SYN in segment.flags:
            stream.begin(segment.sequence)
            return
        yield from connection.told(source, stream.take(at, segment.sequence, segment.data, segment.missing))
        if segment.flags & (Flag.FIN | Flag.RST):
            yield from connection.finish(source, at)
        if Flag.RST in segment.flags:
            yield from connection.finish(destination, at)
            del self._connections[key]

    def _end(self, connection: _Connection, at: int) -> Iterator[Said]:
        yield from connection.finish(connection.client, at)
        yield from connection.finish(connection.server, at)


def _begins_anew(connection: _Connection, source: Endpoint, segment: Segment) -> bool:
    """Whether *segment* opens another connection between the same ports; not the same SYN once more."""
    if Flag.SYN not in segment.flags or Flag.ACK in segment.flags:
        return False
    return source != connection.client or not connection.directions[source].stream.began_with(segment.sequence)


def _opened(source: Endpoint, destination: Endpoint, segment: Segment) -> _Connection:
    """Who is the client: whoever sent the SYN, or asks, or has the higher port."""
    if Flag.SYN in segment.flags:
        answers = Flag.ACK in segment.flags
    elif segment.data.startswith(b"HTTP/1."):
        answers = True
    elif segment.data[:5] in (b"GET /", b"HEAD ", b"POST "):
        answers = False
    else:
        answers = source[1] < destination[1]
    return _Connection(destination, source) if answers else _Connection(source, destination)


def decode(frames: Iterable[Frame], http: bool = True) -> Iterator[Datagram | Said]:
    """What *frames* say, in their order; of HTTP, each thing when it is complete.

    :raises WireError: whatever reading *frames* raises, after what came before it was handed out
    """
    decoder = Decoder(http)
    fault = None
    try:
        for frame in frames:
            yield from decoder.take(frame)
    except WireError as error:
        fault = error
    yield from decoder.finish()
    if fault is not None:
        raise fault
