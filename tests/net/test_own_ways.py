"""Machines that boot in a way of their own: U-Boot and Raspberry Pis, from their DHCP question to the last file."""

from __future__ import annotations

import struct
from ipaddress import IPv4Address
from pathlib import Path
from zlib import crc32

import pytest
from pydantic import ValidationError

from pixiecore_core import BootFileError, BootSpec, FileRef, Hold, Ignore
from pixiecore_core.boot.transfer import Outcome
from pixiecore_core.cli.pi_firmware import pi_firmware
from pixiecore_core.errors import BootFileNotFound, ConfigError
from pixiecore_core.models.facts import Booting, FileSent, InitrdSent, KernelSent, Refused, ScriptSent
from pixiecore_core.net.answering import Answerer, Place
from pixiecore_core.net.dhcp_socket import Datagram
from pixiecore_core.net.interfaces import Interfaces
from pixiecore_core.net.tftp import TransferReport
from pixiecore_core.net.tftp_files import TftpFiles
from pixiecore_core.settings.server import ServerSettings
from pixiecore_core.wire import dhcp4
from pixiecore_core.wire.dhcp4 import Dhcp4Message, Option
from tests.messages import HTTP_IPXE, architecture, message
from tests.net.test_answering import ETH0, FakeSocket
from tests.net.test_boot_pages import MAC, Site

FOLDER = "52-54-00-12-34-56/u-boot"
CLIENT = ("192.0.2.77", 1000)
PI = bytes.fromhex("dca632000001")


class Room(Site):
    """A site whose booter boots everything, and its DHCP and TFTP sides."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.answer: object = self.spec
        self.plugin(select_boot=lambda machine: self.answer)
        self.tftp = TftpFiles(self.core.first_stage, self.core.bus)

    def offered(self, asked: Dhcp4Message) -> Dhcp4Message | None:
        core, socket = self.core, FakeSocket()
        answerer = Answerer(
            core.decider, core.adapter, core.names, core.bus, Place(Interfaces(adapters=lambda: [ETH0]))
        )
        data = dhcp4.serialize(asked)
        answerer.receive(socket, Datagram(data, ("0.0.0.0", 68), ETH0.index, IPv4Address("255.255.255.255")), "dhcp")
        answerer.wait(5)
        answerer.stop()
        return socket.sent[0][0] if socket.sent else None

    def fetch(self, name: str) -> bytes:
        opened = self.tftp.open(name, CLIENT, "192.0.2.2")
        data = b""
        while more := opened.read_at(len(data), 1468):
            data += more
        opened.close()
        assert len(data) == opened.size
        self.tftp.report(TransferReport(CLIENT, "192.0.2.2", name, Outcome.SENT, size=len(data), sent=len(data)))
        return data


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


def u_boot(code: int = 22) -> Dhcp4Message:
    """As QEMU's U-Boot 2023.01 says it (FIELD notes: 93 = 22, 60 U-Boot.armv8)."""
    return message(architecture(code) | {Option.VENDOR_CLASS: b"U-Boot.armv8"})


@pytest.mark.parametrize("code", [21, 22])
def test_u_boot_is_told_by_the_header(room: Room, code: int) -> None:
    offer = room.offered(u_boot(code))
    assert offer is not None
    assert (offer.file, offer.siaddr) == (f"{FOLDER}/pxelinux.0".encode(), IPv4Address("192.0.2.2"))
    assert not {Option.VENDOR_SPECIFIC, Option.BOOT_FILE} & set(offer.options)


def test_u_boot_by_http_has_no_way(room: Room) -> None:
    assert room.offered(message(architecture(24))) is None
    assert "no boot file exists for U-Boot arm64 HTTP Boot" in room.log.getvalue()


def test_u_boot_boots(room: Room) -> None:
    second = room.folder / "more.img"
    second.write_bytes(b"more")
    tree = room.folder / "board.dtb"
    tree.write_bytes(b"tree")
    refs = tuple(FileRef(location=str(path)) for path in (room.initrd, second))
    room.answer = room.spec.model_copy(update={"initrds": refs, "dtb": FileRef(location=str(tree))})
    text = room.fetch("pxelinux.cfg/01-52-54-00-12-34-56").decode()
    assert f"kernel {FOLDER}/kernel\ninitrd {FOLDER}/initrd\nfdt {FOLDER}/dtb.last\nappend quiet data=http://" in text
    assert room.fetch(f"{FOLDER}/initrd") == b"initrd\0\0more"
    assert room.fetch(f"{FOLDER}/kernel") == room.kernel.read_bytes()
    assert Booting not in room.kinds()
    assert room.fetch(f"{FOLDER}/dtb.last") == b"tree"
    assert room.kinds() == [ScriptSent, FileSent, InitrdSent, KernelSent, FileSent, Booting]
    assert room.fetch(f"{FOLDER}/pxelinux.cfg/default").decode().count(FOLDER) == 0, "U-Boot puts the folder before it"


def test_u_boots_command_line_may_report_steps(room: Room) -> None:
    room.answer = room.spec.model_copy(update={"cmdline": 'quiet r={{ REPORT "login" }}', "files": {}})
    text = room.fetch("pxelinux.cfg/01-52-54-00-12-34-56").decode()
    url = text.partition(" r=")[2].split()[0]
    assert room.get(url[url.index("/_/") :]).text == "noted\n"


def test_u_boot_that_looks_for_a_script_is_led_on(room: Room) -> None:
    """As its usual boot commands do, also those that know no ``pxe get`` (include/config_distro_bootcmd.h)."""
    data = room.fetch("boot.scr.uimg")
    magic, _, _, size, *_ = struct.unpack(">7I", data[:28])
    assert (magic, size, data[28:32]) == (0x27051956, len(data) - 64, b"\x05\x16\x06\x00")
    assert data[72:] == b"pxe get && pxe boot\n"
    assert crc32(data[64:]) == int.from_bytes(data[24:28], "big")
    assert crc32(data[:4] + bytes(4) + data[8:64]) == int.from_bytes(data[4:8], "big")
    assert room.fetch(f"{FOLDER}/boot.scr.uimg") == data


def test_u_boot_whose_name_says_nothing_is_known_by_its_card(room: Room) -> None:
    for name in ("pxelinux.cfg/C000024D", "pxelinux.cfg/default-arm"):
        room.seen = ()
        with pytest.raises(BootFileNotFound, match="which machine this is"):
            room.fetch(name)
        room.seen = (MAC,)
        assert f"kernel {FOLDER}/kernel" in room.fetch(name).decode()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Ignore(reason="not today"), "you don't netboot: not today"),
        (Hold(reason="wait for Ada"), "wait for Ada"),
        (BootSpec(ipxe_script="#!ipxe\n"), "U-Boot starts a kernel"),
    ],
)
def test_u_boot_gets_nothing(room: Room, answer: object, words: str) -> None:
    room.answer = answer
    assert room.offered(u_boot()) is None
    with pytest.raises(BootFileError, match=words):
        room.fetch("pxelinux.cfg/01-52-54-00-12-34-56")
    with pytest.raises(BootFileError, match=words):
        room.fetch(f"{FOLDER}/kernel.last")


def test_u_boot_of_another_machine(room: Room) -> None:
    room.hardware_of = lambda address: {"02:00:00:00:00:01"}  # type: ignore[method-assign]
    with pytest.raises(BootFileNotFound, match="hardware address is 02:00:00:00:00:01"):
        room.fetch(f"{FOLDER}/kernel.last")


def test_a_command_line_that_u_boot_would_change(room: Room) -> None:
    room.answer = room.spec.model_copy(update={"cmdline": "a=$b", "files": {}})
    with pytest.raises(BootFileError, match="U-Boot cannot hand on a command line with"):
        room.fetch("pxelinux.cfg/01-52-54-00-12-34-56")


def test_what_u_boot_is_refused_is_told(room: Room) -> None:
    """It tries many names; those that say which machine asks are no trials."""
    name = "pxelinux.cfg/01-52-54-00-12-34-56"
    room.tftp.report(TransferReport(CLIENT, "192.0.2.2", name, Outcome.REFUSED, "U-Boot cannot hand on a command line"))
    assert f'Failed to send file "{name}" to {MAC} (192.0.2.77): U-Boot cannot hand on' in room.log.getvalue()
    assert room.kinds() == [Refused]


def test_what_u_boot_does_without_is_no_warning(room: Room) -> None:
    name = "pxelinux.cfg/00112233-4455-6677-8899-aabbccddeeff"
    with pytest.raises(BootFileNotFound):
        room.fetch(name)
    room.tftp.report(TransferReport(CLIENT, "192.0.2.2", name, Outcome.REFUSED, "no such file"))
    assert "Failed" not in room.log.getvalue()


def pi(code: int = 0, **more: bytes) -> Dhcp4Message:
    """The ROM of a Pi 4 (rpi-eeprom issue 82): it says that it is a BIOS."""
    options = architecture(code) | {Option.VENDOR_CLASS: b"PXEClient:Arch:00000:UNDI:002001"}
    return message(options, chaddr=PI)


@pytest.fixture
def pies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Room:
    firmware = tmp_path / "pi"
    (firmware / "9ffefdef").mkdir(parents=True)
    (firmware / "start4.elf").write_bytes(b"for all")
    (firmware / "bootcode.bin").write_bytes(b"a Pi 3's")
    (firmware / "9ffefdef" / "config.txt").write_bytes(b"for one")
    (firmware / "secret").symlink_to("/etc/passwd")
    monkeypatch.setattr(Room, "pi_firmware", firmware)
    return Room(tmp_path)


def test_a_pis_rom_is_sent_to_our_tftp(pies: Room) -> None:
    """Option 43 with the words it looks for, behind a menu's type and length, and option 66."""
    offer = pies.offered(pi())
    assert offer is not None
    found = dhcp4.suboptions(offer.options[Option.VENDOR_SPECIFIC])
    assert found[6] == b"\x03"
    assert found[9] == b"\x00\x00\x11Raspberry Pi Boot"
    assert found[10] == b"\x00PXE"
    assert offer.options[Option.TFTP_SERVER_NAME] == b"192.0.2.2"
    assert (offer.siaddr, offer.options[Option.VENDOR_CLASS]) == (IPv4Address("192.0.2.2"), b"PXEClient")


def test_what_runs_on_a_pi_later_is_answered_as_what_it_is(pies: Room) -> None:
    """iPXE, EDK2 and U-Boot on the same card (rpi-eeprom issue 563)."""
    uefi = pies.offered(message(architecture(7), chaddr=PI))
    assert uefi is not None
    assert Option.VENDOR_SPECIFIC not in uefi.options
    ipxe = pies.offered(message(architecture(0) | HTTP_IPXE, chaddr=PI))
    assert ipxe is not None
    assert b"/_/ipxe/" in ipxe.options[Option.BOOT_FILE]
    own = pies.offered(message(architecture(22), chaddr=PI))
    assert own is not None
    assert own.file.endswith(b"/u-boot/pxelinux.0")


def test_a_bios_of_another_maker_is_no_pi(pies: Room) -> None:
    assert pies.offered(message()) is None, "there is no iPXE for BIOS here"


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("9ffefdef/start4.elf", b"for all"),
        ("9ffefdef/config.txt", b"for one"),
        ("bootcode.bin", b"a Pi 3's"),
        ("dc-a6-32-00-00-01/start4.elf", b"for all"),
    ],
)
def test_a_pis_files(pies: Room, name: str, data: bytes) -> None:
    assert pies.fetch(name) == data


@pytest.mark.parametrize("name", ["9ffefdef/secret", "secret", "9ffefdef/../secret", "9ffefdef/none", "9ffefdef/", ""])
def test_what_a_pi_does_not_get(pies: Room, name: str) -> None:
    with pytest.raises(BootFileError):
        pies.fetch(name)


def test_without_firmware_a_pi_is_told_of(room: Room) -> None:
    assert room.offered(pi()) is None
    assert "there is none for Raspberry Pis here: --pi-firmware" in room.log.getvalue()
    with pytest.raises(BootFileNotFound):
        room.fetch("9ffefdef/start4.elf")


def test_an_empty_path_is_none(tmp_path: Path) -> None:
    """It would be the folder that the server was started in, keys and all."""
    with pytest.raises(ValidationError, match="is empty: give a path"):
        ServerSettings.model_validate({"pi_firmware": ""})
    with pytest.raises(ValidationError, match="is empty: give a path"):
        ServerSettings.model_validate({"key_file": ""})


def test_a_folder_that_holds_no_firmware(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    (deep / "config.txt").touch()
    with pytest.raises(ConfigError, match=r"--pi-firmware: .* has no firmware"):
        pi_firmware(ServerSettings(pi_firmware=tmp_path))
    with pytest.raises(ConfigError, match=r"--pi-firmware: .* cannot be read"):
        pi_firmware(ServerSettings(pi_firmware=tmp_path / "none"))
    (tmp_path / "serial").mkdir()
    (tmp_path / "serial" / "config.txt").touch()
    assert pi_firmware(ServerSettings(pi_firmware=tmp_path)) == tmp_path
