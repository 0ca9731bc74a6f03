"""Two instances with one key file: one offers, the other writes the script, and both say the same."""

from __future__ import annotations

import io
import re
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest
from pixiecore_inventory_booter import InventoryBooter
from werkzeug.test import Client

from pixiecore_core.assembly import Core, Parts, assemble
from pixiecore_core.boot.route import Relays
from pixiecore_core.boot.tokens import KEY_BYTES, Sealer
from pixiecore_core.files.key_file import read_or_create_key
from pixiecore_core.firmware.finding import FoundLoaders
from pixiecore_core.net.answering import Answerer, Place
from pixiecore_core.net.boot_pages import BootPages
from pixiecore_core.net.dhcp_socket import Datagram
from pixiecore_core.net.interfaces import Interface, Interfaces
from pixiecore_core.net.site import Site
from pixiecore_core.observe.log import configure
from pixiecore_core.testing import configured
from pixiecore_core.wire import dhcp4
from pixiecore_core.wire.dhcp4 import Option
from tests.messages import HTTP_IPXE, message
from tests.net.test_answering import FakeSocket

MAC = "52:54:00:12:34:56"
INVENTORY = """
profiles:
  left: {kernel: ./left}
  right: {kernel: ./right}
  far: {kernel: ./far}
groups:
  - {match: {subnet: 10.5.0.0/24}, profile: far}
  - {match: {interface: lab0}, profile: left}
  - {match: {interface: lab1}, profile: right}
default: ignore
"""


class Instance:
    """One server: its own memory, the key and the inventory that they share."""

    def __init__(self, folder: Path, address: str) -> None:
        self.interfaces = [Interface(number, f"lab{number}", (IPv4Address(address),)) for number in (0, 1)]
        self.core = self._core(folder)
        relays = Relays([IPv4Network("10.5.0.1")])
        place = Place(Interfaces(adapters=lambda: self.interfaces), relays=relays)
        self.answerer = Answerer(self.core.decider, self.core.adapter, self.core.names, self.core.bus, place)
        boot = BootPages(self.core.scripts, self.core.first_stage, self.core.urls, self.core.bus)
        self.http = Client(Site(boot.pages(), boot.folders()))
        self.address = address

    def _core(self, folder: Path) -> Core:
        booter = configured(InventoryBooter, folder=str(folder))
        return assemble(
            configure(stream=io.StringIO()),
            Parts(
                lambda manager: manager.register(booter, "inventory"),
                lambda table: FoundLoaders(table, {}, folder),
                open_sealer=lambda warn: Sealer(read_or_create_key(folder / "url.key", KEY_BYTES)),
            ),
        )

    def offer(self, interface: int, giaddr: str = "0.0.0.0") -> str:
        """The URL that an iPXE is offered that asks on an interface, perhaps through a relay."""
        socket, data = FakeSocket(), dhcp4.serialize(message(HTTP_IPXE, giaddr=IPv4Address(giaddr)))
        datagram = Datagram(data, ("0.0.0.0", 68), interface, IPv4Address("255.255.255.255"))
        self.answerer.receive(socket, datagram, "dhcp")
        self.answerer.wait(5)
        ((reply, *_),) = socket.sent
        return reply.options[Option.BOOT_FILE].rstrip(b"\0").decode()

    def get(self, url: str, client: str = "192.0.2.100") -> tuple[int, str]:
        """What the URL answers here, whichever instance made it."""
        path = re.sub(r"^http://[^/]+", "", url)
        reached = {"pixiecore.local_address": (self.address, 80), "REMOTE_ADDR": client}
        response = self.http.get(path, environ_overrides=reached)
        return response.status_code, response.get_data(as_text=True)

    def script(self, url: str, client: str = "192.0.2.100") -> tuple[int, str]:
        """What an iPXE boots by that was offered *url*, by way of the script that has it say what it knows."""
        status, asking = self.get(url)
        assert status == 200, asking
        (url,) = re.findall(r"^chain --replace (\S+) \|\| goto failed$", asking, re.MULTILINE)
        settings = {"net0/mac": MAC, "buildarch": "x86_64", "platform": "efi"}
        filled = re.sub(r"\$\{([^:}]*)(?::[a-z]+)?\}", lambda match: settings.get(match[1], ""), url)
        return self.get(filled, client)


@pytest.fixture
def instances(tmp_path: Path) -> tuple[Instance, Instance]:
    (tmp_path / "inventory.yaml").write_text(INVENTORY)
    for name in ("left", "right", "far"):
        (tmp_path / name).write_bytes(name.encode())
    return Instance(tmp_path, "192.0.2.2"), Instance(tmp_path, "192.0.2.3")


@pytest.mark.parametrize(("interface", "kernel"), [(0, b"left"), (1, b"right")])
def test_one_offers_and_the_other_writes_the_script(
    instances: tuple[Instance, Instance], interface: int, kernel: bytes
) -> None:
    offering, writing = instances
    status, script = writing.script(offering.offer(interface))
    assert status == 200
    (url,) = re.findall(r"^kernel --name kernel (\S+) \|\| goto failed$", script, re.MULTILINE)
    assert url.startswith("http://192.0.2.3/")
    for instance in instances:
        assert instance.get(url) == (200, kernel.decode()), "and either serves the files"
    assert writing.script(offering.offer(interface))[1] != ""
    ours, theirs = (instance.core.attempts.latest(MAC) for instance in instances)
    assert ours is not None
    assert theirs is not None
    assert theirs.id == ours.id, "both know it as one attempt"


def test_behind_a_relay_that_is_named_both_say_the_same(instances: tuple[Instance, Instance]) -> None:
    offering, writing = instances
    status, script = writing.script(offering.offer(0, giaddr="10.5.0.1"), client="10.5.0.77")
    assert status == 200
    (url,) = re.findall(r"^kernel --name kernel (\S+) \|\| goto failed$", script, re.MULTILINE)
    assert writing.get(url) == (200, "far")
    for instance in instances:
        attempt = instance.core.attempts.latest(MAC)
        assert attempt is not None
        assert attempt.machine.relay == IPv4Address("10.5.0.1")
    status, script = writing.script(offering.offer(0, giaddr="10.5.0.1"), client="192.0.2.100")
    (url,) = re.findall(r"^kernel --name kernel (\S+) \|\| goto failed$", script, re.MULTILINE)
    assert writing.get(url) == (200, "left"), "but whoever asks from elsewhere is not on the relay's network"


def test_without_the_sealed_word_the_other_does_not_know(instances: tuple[Instance, Instance]) -> None:
    offering, writing = instances
    offering.offer(0)
    status, text = writing.get(f"/_/ipxe?mac={MAC}&arch=x86_64&platform=efi")
    assert (status, text) == (
        404,
        "you don't netboot: the interface it asked on is no longer known; start it again",
    )


def test_one_machines_word_opens_nothing_for_another(instances: tuple[Instance, Instance]) -> None:
    offering, writing = instances
    token = offering.offer(0).rpartition("/")[2]
    assert writing.get(f"/_/ipxe?mac=52:54:00:00:00:99&from={token}&arch=x86_64&platform=efi")[0] == 404


def test_a_forged_word_is_refused(instances: tuple[Instance, Instance]) -> None:
    assert instances[1].get("/_/ipxe/" + "A" * 160) == (404, "no such page")
