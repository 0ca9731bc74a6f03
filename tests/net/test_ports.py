"""What stands between us and a port."""

from __future__ import annotations

import os
import socket

import pytest

from pixiecore_core.net.ports import holder_of, missing_capabilities


@pytest.mark.parametrize(("protocol", "kind"), [("tcp", socket.SOCK_STREAM), ("udp", socket.SOCK_DGRAM)])
def test_the_holder_of_a_port_is_found(protocol: str, kind: int) -> None:
    with socket.socket(socket.AF_INET, kind) as holder:
        holder.bind(("127.0.0.1", 0))
        if protocol == "tcp":
            holder.listen()
        port = holder.getsockname()[1]
        assert (holder_of(protocol, port) or "").endswith(f"(process {os.getpid()})")  # type: ignore[arg-type]
    assert holder_of(protocol, port) is None  # type: ignore[arg-type]


def test_high_ports_need_no_capability() -> None:
    assert missing_capabilities([8080, 0], raw=False) == []
