"""The kernel's neighbour table, as it is written."""

from __future__ import annotations

from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, cast

import pytest

from pixiecore_core import app
from pixiecore_core.errors import StartError
from pixiecore_core.net.binding import Bound
from pixiecore_core.net.neighbours import hardware_addresses
from pixiecore_core.settings.server import ServerSettings

TABLE = """\
IP address       HW type     Flags       HW address            Mask     Device
192.0.2.7        0x1         0x2         52:54:00:12:34:56     *        eth0
192.0.2.77       0x1         0x2         52:54:00:AB:CD:EF     *        eth0
192.0.2.77       0x1         0x6         52:54:00:00:00:01     *        eth1
192.0.2.8        0x1         0x0         00:00:00:00:00:00     *        eth0
192.0.2.9        0x20        0x2         80:00:00:48:fe:80     *        ib0
"""


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("192.0.2.7", {"52:54:00:12:34:56"}),
        ("192.0.2.77", {"52:54:00:ab:cd:ef", "52:54:00:00:00:01"}),
        ("192.0.2.8", set()),
        ("192.0.2.9", set()),
        ("203.0.113.1", set()),
    ],
    ids=["one", "on two links", "not answered", "not Ethernet", "by a router"],
)
def test_what_is_known_of_an_address(tmp_path: Path, address: str, found: set[str]) -> None:
    table = tmp_path / "arp"
    table.write_text(TABLE)
    assert hardware_addresses(IPv4Address(address), table) == found


def test_the_systems_own_table_can_be_read() -> None:
    assert hardware_addresses(IPv4Address("127.0.0.1")) == set()


def test_where_there_is_no_table_it_is_said_before_anything_is_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "TABLE", Path("/nonexistent/arp"))
    with pytest.raises(StartError, match="--check-neighbour needs /nonexistent/arp"):
        app.App(ServerSettings(check_neighbour=True), cast("Any", None), Bound()).start()
