"""Hears and answers DHCP beside another DHCP server on this host, without binding its port (``--dhcp-no-bind``).

An AF_PACKET socket sees every packet whatever port is bound; a filter in the kernel lets only UDP to our port through.
The same face as DhcpSocket. Needs CAP_NET_RAW; Linux only.
"""

from __future__ import annotations

import ctypes
import errno
import struct
from ipaddress import IPv4Address

from gevent import socket

from pixiecore_core.errors import WireError
from pixiecore_core.net.dhcp_socket import Datagram
from pixiecore_core.wire.udp4 import UdpPacket, parse, serialize

_ETH_P_IP = 0x0800
_PACKET_OUTGOING = 4  # <linux/if_packet.h>
_SO_ATTACH_FILTER = 26  # <asm-generic/socket.h>
_BROADCAST_MAC = b"\xff" * 6
_LARGEST = 4096


class PacketSocket:
    """A packet socket for UDP to *port*.

    :raises OSError: the capability is missing
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ETH_P_IP))
        self._answers = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        try:
            _attach_filter(self._socket, port)
        except OSError:
            self.close()
            raise

    def receive(self) -> Datagram:
        """The next datagram; waits for one.

        :raises OSError: the socket was closed
        """
        while True:
            packet, address = self._socket.recvfrom(_LARGEST)
            if address[2] == _PACKET_OUTGOING:
                continue
            try:
                udp = parse(packet)
            except WireError:
                continue
            if udp.destination_port != self.port:
                continue  # came in before the filter was on
            index = socket.if_nametoindex(address[0])
            return Datagram(udp.data, (str(udp.source), udp.source_port), index, udp.destination)

    def send(self, data: bytes, destination: tuple[str, int], interface: int, source: IPv4Address) -> None:
        """Send one datagram from our port: a broadcast out of *interface*, anything else as the kernel routes it.

        :raises OSError: the network refused it
        """
        packet = serialize(UdpPacket(source, self.port, IPv4Address(destination[0]), destination[1], data))
        if destination[0] == "255.255.255.255":
            to = (socket.if_indextoname(interface), _ETH_P_IP, 0, 0, _BROADCAST_MAC)
            self._socket.sendto(packet, to)
        else:
            self._answers.sendto(packet, (destination[0], 0))

    def close(self) -> None:
        """Close the sockets; a waiting :meth:`receive` fails."""
        self._socket.close()
        self._answers.close()


def _attach_filter(sock: socket.socket, port: int) -> None:
    """Classic BPF over an IPv4 packet: UDP, not a later fragment, destination port *port*."""
    program = [
        (0x30, 0, 0, 9),  # protocol
        (0x15, 0, 6, 17),  # UDP, else drop
        (0x28, 0, 0, 6),  # fragment offset
        (0x45, 4, 0, 0x1FFF),  # a later fragment: drop
        (0xB1, 0, 0, 0),  # header length
        (0x48, 0, 0, 2),  # destination port
        (0x15, 0, 1, port),
        (0x06, 0, 0, 0xFFFF),  # take it
        (0x06, 0, 0, 0),  # drop it
    ]
    code = b"".join(struct.pack("=HBBI", *instruction) for instruction in program)
    buffer = ctypes.create_string_buffer(code)
    try:
        sock.setsockopt(
            socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("@HP", len(program), ctypes.addressof(buffer))
        )
    except OSError as error:
        raise OSError(error.errno or errno.EIO, f"the packet filter was refused: {error.strerror}") from error
