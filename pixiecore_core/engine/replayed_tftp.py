"""TFTP in a capture, as facts: which file was asked for, how much of it came, and how that ended. Pure."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from pixiecore_core.boot.chain_names import is_done_without
from pixiecore_core.boot.paths import is_autoexec, names_a_boot
from pixiecore_core.errors import WireError
from pixiecore_core.models.facts import SENT, Booting, Fact, Failed, FileSent, Refused
from pixiecore_core.wire import tftp
from pixiecore_core.wire.frames import Datagram

_MOST = 1000
_SILENCE_SECONDS = 20.0
"""EDK2 asks six times, 4 s apart (the lab), iPXE with up to 10 s between two tries (retry.c)."""
_SMALLEST = 512
"""Bytes of a block, where nothing else is agreed on (RFC 1350 section 2)."""

Endpoint = tuple[IPv4Address, int]


@dataclass(slots=True)
class _Transfer:
    name: str
    mac: str | None
    address: str
    began: float
    heard: float
    """When the client last said something."""
    blksize: int = _SMALLEST
    size: int = 0
    """Bytes, where the server said."""
    blocks: int = 0
    acknowledged: int = 0
    """Blocks, counted on beyond 65,535."""
    last: int = 0
    """Bytes in the last block that was sent, which is short."""
    answered: bool = False
    is_given_up: bool = False
    """Told to have broken off; it may go on all the same, where a link comes back."""

    @property
    def bytes(self) -> int:
        """Acknowledged."""
        whole = min(self.acknowledged, self.blocks)
        is_all = self.last < self.blksize and whole == self.blocks
        return max(0, whole - 1) * self.blksize + self.last if is_all and whole else whole * self.blksize


@dataclass(slots=True)
class TftpReplay:
    """Takes datagrams that are not DHCP's.

    :param add: takes a fact
    :param who: the machine that has an address
    :param went_on: whether a machine has come further since a time
    :param is_about: whether a server is one that counts
    """

    add: Callable[[Fact], None]
    who: Callable[[IPv4Address], str | None]
    went_on: Callable[[str, float], bool]
    is_about: Callable[[IPv4Address], bool]
    _transfers: OrderedDict[Endpoint, _Transfer] = field(default_factory=OrderedDict)
    due: float = float("inf")
    """Before then no transfer will have been silent for so long that it has broken off."""

    def take(self, said: Datagram, now: float) -> None:
        """One datagram."""
        packet = said.packet
        client, server = (packet.source, packet.source_port), (packet.destination, packet.destination_port)
        try:
            what = tftp.parse(packet.data)
        except WireError:
            return
        if isinstance(what, tftp.ReadRequest) and not self.is_about(packet.destination):
            return
        if isinstance(what, tftp.ReadRequest):
            self._begin(client, what, said, now)
        elif client in self._transfers:
            self._by_client(client, what, now)
        elif server in self._transfers:
            self._by_server(server, what, packet.missing)

    def wait(self, now: float) -> None:
        """Time passes: what nobody goes on with has broken off, unless somebody does after all."""
        for transfer in self._transfers.values():
            if not transfer.is_given_up and now >= transfer.heard + _SILENCE_SECONDS:
                self._give_up(transfer)
        going_on = (one.heard for one in self._transfers.values() if not one.is_given_up)
        self.due = min(going_on, default=float("inf")) + _SILENCE_SECONDS

    def finish(self) -> None:
        """There are no more frames."""
        for transfer in self._transfers.values():
            if not transfer.is_given_up:
                self._give_up(transfer)
        self._transfers.clear()

    def _give_up(self, transfer: _Transfer) -> None:
        transfer.is_given_up = True
        # One that has gone on has its file: the last acknowledgement was lost, or not captured.
        if transfer.mac is None or not self.went_on(transfer.mac, transfer.heard):
            self._broke_off(transfer)

    def _begin(self, client: Endpoint, asked: tftp.ReadRequest, said: Datagram, now: float) -> None:
        earlier = self._transfers.pop(client, None)
        if earlier is not None and earlier.name == asked.name:
            earlier.heard = now  # it asks again, since nothing came
            self._transfers[client] = earlier
            return
        self._forget_repeated(client[0], asked.name)
        mac = self.who(client[0]) or said.source or None
        self._transfers[client] = _Transfer(asked.name, mac, str(client[0]), now, now)
        self.due = min(self.due, now + _SILENCE_SECONDS)
        if len(self._transfers) > _MOST:
            self._transfers.popitem(last=False)

    def _forget_repeated(self, address: IPv4Address, name: str) -> None:
        """Of what it asks for again from another port, the first request tells nothing."""
        for client, transfer in list(self._transfers.items()):
            if client[0] == address and transfer.name == name:
                del self._transfers[client]

    def _by_client(self, client: Endpoint, what: object, now: float) -> None:
        transfer = self._transfers[client]
        transfer.heard = now
        if isinstance(what, tftp.Ack):
            step = (what.block - transfer.acknowledged) & 0xFFFF
            transfer.acknowledged += step if step < 0x8000 else 0
            if transfer.blocks and transfer.last < transfer.blksize and transfer.acknowledged >= transfer.blocks:
                del self._transfers[client]
                self._sent(transfer, now)
        elif isinstance(what, tftp.Error):
            del self._transfers[client]
            if transfer.bytes:  # else a probe for its size, which EDK2 ends so
                self._broke_off(transfer, f"the client says: {what.message}")

    def _by_server(self, client: Endpoint, what: object, missing: int) -> None:
        transfer = self._transfers[client]
        transfer.answered = True
        if isinstance(what, tftp.OptionAck):
            options = {name.lower(): value for name, value in dict(what.options).items()}
            transfer.blksize = _number(options.get("blksize", ""), transfer.blksize)
            transfer.size = _number(options.get("tsize", ""), 0)
        elif isinstance(what, tftp.Data):
            step = (what.block - transfer.blocks) & 0xFFFF
            if 0 < step < 0x8000:
                transfer.blocks += step
                transfer.last = len(what.payload) + missing
        elif isinstance(what, tftp.Error):
            del self._transfers[client]
            if not is_done_without(transfer.name) and not is_autoexec(transfer.name):
                reason = f"the server says: {what.message}"
                refused = Refused(
                    mac=transfer.mac,
                    via="TFTP",
                    what="transfer",
                    source=transfer.address,
                    file=transfer.name,
                    reason=reason,
                )
                self.add(refused)

    def _sent(self, transfer: _Transfer, now: float) -> None:
        is_boot = names_a_boot(transfer.name)
        kind = FileSent if is_autoexec(transfer.name) else SENT["kernel" if is_boot else "loader"]
        self.add(
            kind(
                mac=transfer.mac,
                via="TFTP",
                file=transfer.name,
                purpose="kernel" if is_boot else "loader",
                bytes=transfer.bytes,
                size=transfer.bytes,
                seconds=round(now - transfer.began, 3),
                address=transfer.address,
                blksize=transfer.blksize,
            )
        )
        if is_boot:
            self.add(Booting(mac=transfer.mac, via="TFTP"))

    def _broke_off(self, transfer: _Transfer, why: str = "") -> None:
        if not why:
            unheard = "the client acknowledged nothing that was sent" if transfer.answered else "nothing was answered"
            why = "the client fell silent" if transfer.bytes else unheard
        self.add(
            Failed(
                mac=transfer.mac,
                via="TFTP",
                step="transfer",
                file=transfer.name,
                bytes=transfer.bytes,
                size=transfer.size or transfer.blocks * transfer.blksize,
                seconds=round(transfer.heard - transfer.began, 3),
                reason=why,
                address=transfer.address,
            )
        )


def _number(text: str, otherwise: int) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 12 else otherwise
