"""The settings for TFTP reach its server."""

from __future__ import annotations

import re
import socket
from pathlib import Path

from pixiecore_core.wire.tftp import Ack, Error, OptionAck, parse, serialize
from tests.processes import HIGH_PORTS, read_until, serving

NAME = b"52:54:00:12:34:56/bios/ipxe.pxe"
REQUEST = b"\0\1" + NAME + b"\0octet\0blksize\x001400\0windowsize\x0032\0"


def test_they_reach_the_server(tmp_path: Path) -> None:
    for name in ("vmlinuz", "ipxe.pxe"):
        (tmp_path / name).write_bytes(bytes(10_000))
    settings = ["--tftp-blksize", "1024", "--tftp-windowsize", "4", "--tftp-transfers", "2", "--tftp-single-port"]
    given = [*HIGH_PORTS, *settings, "--ipxe-bios", str(tmp_path / "ipxe.pxe")]
    with serving("boot", str(tmp_path / "vmlinuz"), *given) as server:
        lines = " ".join(read_until(server, "Ready"))
        port = re.search(r"TFTP on port (\d+)", lines)
        assert port is not None, lines
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as first,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as second,
        ):
            answers = []
            for client in (first, second):
                client.settimeout(5)
                client.sendto(REQUEST, ("127.0.0.1", int(port[1])))
                data, peer = client.recvfrom(2000)
                assert peer[1] == int(port[1]), "a single port"
                answers.append(parse(data))
                client.sendto(serialize(Ack(0)), peer)
    assert answers[0] == OptionAck((("blksize", "1024"), ("windowsize", "4")))
    assert answers[1] == Error(0, "the server is busy, try again"), "half of two transfers for one address"
