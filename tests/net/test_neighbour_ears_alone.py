"""The ears without a network: what they have not heard proves nothing."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Address
from types import SimpleNamespace
from typing import Any

import gevent
import pytest

from pixiecore_core.engine.neighbours import Neighbourhood
from pixiecore_core.net.dhcp_socket import Datagram
from pixiecore_core.net.neighbour_ears import HEARD, NeighbourEars
from pixiecore_core.observe.frames import LastFrames
from pixiecore_core.wire.dhcp4 import Dhcp4Message, MessageType, Op, Option, serialize

MAC, OTHER = "52:54:00:12:34:56", "52:54:00:00:00:01"
ROUTER, EVERYBODY = IPv4Address("192.0.2.1"), IPv4Address("255.255.255.255")


def offer(mac: str) -> Datagram:
    options = {Option.MESSAGE_TYPE: bytes([MessageType.OFFER]), Option.SERVER_ID: ROUTER.packed}
    message = Dhcp4Message(
        op=Op.BOOTREPLY,
        xid=1,
        chaddr=bytes.fromhex(mac.replace(":", "")),
        yiaddr=IPv4Address("192.0.2.100"),
        options=options,
    )
    return Datagram(serialize(message), (str(ROUTER), 67), 1, EVERYBODY)


class Said:
    """A packet socket by which everything has come in already."""

    def __init__(self, *datagrams: Datagram) -> None:
        self._datagrams: Iterator[Datagram] = iter(datagrams)

    def receive(self) -> Datagram:
        for datagram in self._datagrams:
            return datagram
        raise OSError(errno.EBADF, "closed")

    def close(self) -> None:
        pass


def listen(*datagrams: Datagram, frames: LastFrames | None = None, hears_all: bool = True) -> tuple[Neighbourhood, Any]:
    interfaces: Any = SimpleNamespace(served=lambda index: SimpleNamespace(name="eth0"), has=lambda source: False)
    bus = SimpleNamespace(dropped=[], report=lambda fact: None)
    bus.drop = lambda subsystem, reason: bus.dropped.append(reason)
    neighbourhood = Neighbourhood(clock=clock)
    socket: Any = Said(*datagrams)
    ears = NeighbourEars(socket, neighbourhood, interfaces, bus, frames or LastFrames(), hears_all=hears_all)  # type: ignore[arg-type]
    clock.now = 100.0
    ears.start()
    clock.now = 110.0
    gevent.sleep(0.05)
    ears.stop()
    return neighbourhood, bus


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


clock = Clock()


def test_what_is_heard_is_known() -> None:
    neighbourhood, _ = listen(offer(MAC))
    assert neighbourhood.now().gave_address(MAC, 5.0) is True
    assert neighbourhood.now().gave_address(OTHER, 5.0) is False


def test_a_dhcp_server_on_this_host_is_not_heard() -> None:
    neighbourhood, _ = listen(offer(MAC), hears_all=False)
    assert neighbourhood.now().gave_address(MAC, 5.0) is True
    assert neighbourhood.now().gave_address(OTHER, 5.0) is None


def test_what_the_ration_left_out_may_have_been_an_offer() -> None:
    neighbourhood, bus = listen(*[offer(MAC)] * (int(HEARD[1]) + 20))
    assert "neighbour-rationed" in bus.dropped
    assert neighbourhood.now().gave_address(OTHER, 5.0) is None


@pytest.mark.parametrize("known", [True, False])
def test_only_machines_that_asked_us_get_frames_of_it(known: bool) -> None:
    frames, asked = LastFrames(), offer(MAC)
    hardware = bytes.fromhex(MAC.replace(":", ""))
    if known:
        frames.dhcp(hardware, False, (EVERYBODY, 67), ("0.0.0.0", 68), b"asks")
    listen(replace(asked), frames=frames)
    kept = frames.of_hardware(hardware)
    assert [(one.sent, one.data) for one in kept] == ([(False, b"asks"), (True, asked.data)] if known else [])
