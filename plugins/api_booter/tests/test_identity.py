"""What the API is told about a machine, and that no machine can abuse it."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from urllib.parse import parse_qs, unquote
from uuid import UUID

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from pixiecore_api_booter import identity

from pixiecore_core import Architecture, FirmwareFamily, Machine

MAC = "52:54:00:12:34:56"
KNOWN = Machine(
    mac=MAC,
    architecture=Architecture(code=7, cpu="x86_64", family=FirmwareFamily.UEFI),
    uuid=UUID("00112233-4455-6677-8899-aabbccddeeff"),
    serial="LAB-1",
    manufacturer="QEMU",
    hostname="node1",
    product="Standard PC (Q35 + ICH9, 2009)",
    asset="0815",
    board_serial="B-1",
    chip="virtio-net",
    bus_id="1af4:1000",
    ipxe_version="1.21.1+git",
    interface="eth0",
    subnet=IPv4Network("192.0.2.0/24"),
    relay=IPv4Address("198.51.100.1"),
    address=IPv4Address("192.0.2.100"),
)


def test_headers() -> None:
    assert identity.headers(KNOWN) == {
        "X-Pixiecore-UUID": "00112233-4455-6677-8899-aabbccddeeff",
        "X-Pixiecore-Serial": "LAB-1",
        "X-Pixiecore-Arch": "x86_64",
        "X-Pixiecore-Firmware": "UEFI",
        "X-Pixiecore-Manufacturer": "QEMU",
        "X-Pixiecore-Product": "Standard PC (Q35 + ICH9, 2009)",
        "X-Pixiecore-Asset": "0815",
        "X-Pixiecore-Board-Serial": "B-1",
        "X-Pixiecore-Chip": "virtio-net",
        "X-Pixiecore-Bus-ID": "1af4:1000",
        "X-Pixiecore-iPXE-Version": "1.21.1+git",
        "X-Pixiecore-Hostname": "node1",
        "X-Pixiecore-Interface": "eth0",
        "X-Pixiecore-Relay": "198.51.100.1",
        "X-Pixiecore-Subnet": "192.0.2.0/24",
    }


def test_query() -> None:
    values = parse_qs(identity.query(KNOWN), strict_parsing=True)
    assert values["serial"] == ["LAB-1"]
    assert values["product"] == ["Standard PC (Q35 + ICH9, 2009)"]
    assert set(values) == set(identity.FIELDS)


def test_body() -> None:
    told = identity.question(KNOWN).model_dump(exclude_none=True)
    assert told["mac"] == MAC
    assert set(told) == {"mac", *identity.FIELDS}


def test_only_what_is_known() -> None:
    unknown = Architecture(code=999, cpu="unknown", family=FirmwareFamily.OTHER)
    for machine in (Machine(mac=MAC), Machine(mac=MAC, architecture=unknown, serial=" ")):
        assert identity.headers(machine) == {}
        assert identity.query(machine) == ""
        assert identity.question(machine).model_dump(exclude_none=True) == {"mac": MAC}


@pytest.mark.parametrize(
    ("serial", "header"),
    [
        ("A\r\nX-Admin: yes", "A%0D%0AX-Admin: yes"),
        ("Müller", "M%C3%BCller"),
        ("100%", "100%25"),
        ("\0\x7f", "%00%7F"),
        (" spaced ", "spaced"),
        ("x" * 10_000, "x" * identity.LONGEST_TEXT),
    ],
)
def test_hostile_serials(serial: str, header: str) -> None:
    assert identity.headers(Machine(mac=MAC, serial=serial)) == {"X-Pixiecore-Serial": header}


@given(st.text(st.characters()) | st.text("\r\n\t \0\ud800:", max_size=20), st.text())
def test_no_text_breaks_a_request(serial: str, product: str) -> None:
    machine = Machine(mac=MAC, serial=serial, product=product)
    headers = identity.headers(machine)
    for value in headers.values():
        assert value.isascii()
        assert value.isprintable()
        assert len(value) <= 12 * identity.LONGEST_TEXT
    url = f"http://127.0.0.1/v1/boot/{MAC}?{identity.query(machine)}"
    prepared = requests.Request("GET", url, headers=headers).prepare()
    assert str(prepared.url).startswith(f"http://127.0.0.1/v1/boot/{MAC}")
    identity.question(machine).model_dump_json().encode()
    if serial.isprintable() and len(serial) <= identity.LONGEST_TEXT:
        assert unquote(headers.get("X-Pixiecore-Serial", "")) == serial.strip()
