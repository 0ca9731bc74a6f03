"""Unified kernel images over HTTP and TFTP: made for the machine that asks, and told of as its boot."""

from __future__ import annotations

import os
from collections.abc import Callable
from ipaddress import IPv4Address
from pathlib import Path

import pefile
import pytest

from pixiecore_core import BootSpec, FileRef, Hold, Ignore, LocalDisk, Machine
from pixiecore_core.boot.transfer import Outcome
from pixiecore_core.errors import BootFileError
from pixiecore_core.firmware.finding import FoundLoaders
from pixiecore_core.models.facts import Booting, Failed, FileSent, KernelSent, LoaderSent
from pixiecore_core.net.tftp import TransferReport
from pixiecore_core.net.tftp_files import TftpFiles
from tests.net.test_boot_pages import MAC, Site
from tests.programs import program

URL = f"/_/loader/{MAC}/uki-x64/linux.efi"
KERNEL = program(sections=[(".text", os.urandom(5000))])


class Unified(Site):
    """A site with a stub, whose booter answers with a spec."""

    def made(self, url_lifetime: float | None = None) -> None:
        self.kernel.write_bytes(KERNEL)
        (self.folder / "stub").write_bytes(program())
        self.hardware: Callable[[IPv4Address], set[str]] = lambda address: set()
        super().made(url_lifetime)
        self.answer: Callable[[], object] = lambda: self.spec
        self.asked: list[Machine] = []
        self.plugin(select_boot=lambda machine: self.select(machine))

    def select(self, machine: Machine) -> object:
        self.asked.append(machine)
        return self.answer()

    def hardware_of(self, address: IPv4Address) -> set[str]:
        return self.hardware(address)

    def found(self) -> FoundLoaders:
        loaders = super().found()
        return FoundLoaders(loaders.table, {}, self.folder, {"x64": self.folder / "stub"})


@pytest.fixture
def site(tmp_path: Path) -> Unified:
    return Unified(tmp_path)


def sections(data: bytes) -> dict[str, bytes]:
    with pefile.PE(data=data) as read:
        return {
            section.Name.rstrip(b"\0").decode(): section.get_data()[: section.Misc_VirtualSize]
            for section in read.sections
        }


def test_it_is_what_the_machine_boots(site: Unified) -> None:
    response = site.get(URL)
    assert response.status_code == 200
    parts = sections(response.data)
    assert parts[".linux"] == KERNEL
    assert parts[".initrd"] == b"initrd"
    cmdline = parts[".cmdline"].decode()
    assert cmdline.startswith("quiet data=http://192.0.2.2")
    url = cmdline.partition("data=")[2]
    assert site.get(url[url.index("/_/") :]).data == b"cloud", "what the command line names can be fetched"
    assert site.kinds()[:2] == [KernelSent, Booting]


def test_its_command_line_may_report_steps_and_say_where_syslog_is_taken(site: Unified) -> None:
    line = 'quiet r={{ REPORT "log in" }} {{ SYSLOG "log_host=HOST log_port=PORT" }}'
    site.spec = site.spec.model_copy(update={"cmdline": line, "files": {}})
    url, *rest = sections(site.get(URL).data)[".cmdline"].decode().partition(" r=")[2].split()
    assert rest == []
    assert site.get(url[url.index("/_/") :]).text == "noted\n"
    assert any(fact.kind == "reported" and fact.step == "log in" for fact in site.attempts.facts(MAC))


def test_the_same_each_time_and_in_parts(site: Unified) -> None:
    whole = site.get(URL)
    site.spec = site.spec.model_copy(update={"cmdline": "quiet", "files": {}})
    first, again = site.get(URL), site.get(URL)
    assert first.data == again.data
    assert first.headers["ETag"] == again.headers["ETag"] != whole.headers["ETag"]
    part = site.get(URL, Range="bytes=1000-2999")
    assert part.status_code == 206
    assert part.data == first.data[1000:3000]
    assert site.get(URL, method="HEAD").headers["Content-Length"] == str(len(first.data))


def test_a_look_at_its_size_is_no_boot(site: Unified) -> None:
    site.get(URL, method="HEAD")
    site.get(URL, Range="bytes=0-99")
    assert Booting not in site.kinds()


@pytest.mark.parametrize(
    ("answer", "status", "words"),
    [
        (Ignore(reason="not today"), 404, "you don't netboot: not today"),
        (LocalDisk(), 404, "you don't netboot: it is to start its disk"),
        (Hold(reason="wait for Ada", seconds=7), 503, "wait for Ada"),
        (BootSpec(ipxe_script="#!ipxe\n"), 404, "no kernel to start without iPXE"),
    ],
)
def test_who_gets_none(site: Unified, answer: object, status: int, words: str) -> None:
    site.answer = lambda: answer
    response = site.get(URL)
    assert response.status_code == status
    assert words in response.text


@pytest.mark.parametrize(
    ("kernel", "words"),
    [
        (b"\x1f\x8b" + bytes(500), "vmlinuz: the kernel is compressed by gzip"),
        (bytes(600), "vmlinuz: the kernel has no EFI stub"),
        (program(0xAA64), "vmlinuz: the kernel is for another processor than x64"),
    ],
)
def test_a_kernel_that_uefi_cannot_start_is_refused_by_name(site: Unified, kernel: bytes, words: str) -> None:
    site.kernel.write_bytes(kernel)
    response = site.get(URL)
    assert response.status_code == 502
    assert words in response.text
    (failure,) = [fact for fact in site.attempts.facts(MAC) if isinstance(fact, Failed)] or [None]
    assert failure is None or words in failure.reason


def test_who_may_boot_is_decided_by_who_asks(site: Unified) -> None:
    """As for a script: the allowlist's networks, and --check-neighbour."""
    site.get(URL)
    assert [machine.address for machine in site.asked] == [IPv4Address("192.0.2.77")]


@pytest.mark.parametrize("path", [URL, f"/_/loader/{MAC}/efi/boot.efi"])
def test_another_machine_gets_nothing(site: Unified, path: str) -> None:
    site.hardware = lambda address: {"52:54:00:99:99:99"}
    response = site.get(path)
    assert response.status_code == 404
    assert "not for 192.0.2.77, whose hardware address is 52:54:00:99:99:99" in response.text
    site.hardware = lambda address: {MAC}
    assert site.get(URL).status_code == 200


def test_a_missing_part_leaves_nothing_open(site: Unified) -> None:
    before = len(os.listdir("/proc/self/fd"))
    site.spec = site.spec.model_copy(update={"initrds": (FileRef(location=str(site.folder / "gone")),)})
    assert site.get(URL).status_code in (404, 502)
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("folder", ["uki-x64", "efi"])
def test_a_script_beside_it_is_no_boot(site: Unified, folder: str) -> None:
    """Anybody can ask for one in any machine's name."""
    name = f"{MAC}/{folder}/autoexec.ipxe"
    assert site.get(f"/_/loader/{name}").status_code == 200
    files = TftpFiles(site.core.first_stage, site.core.bus)
    files.report(TransferReport(("192.0.2.77", 1000), "192.0.2.2", name, Outcome.SENT, size=300, sent=300))
    assert site.kinds() == [LoaderSent, FileSent]


def test_over_tftp(site: Unified) -> None:
    files = TftpFiles(site.core.first_stage, site.core.bus)
    opened = files.open(f"{MAC}/uki-x64/linux.efi", ("192.0.2.77", 1000), "192.0.2.2")
    data = b""
    while more := opened.read_at(len(data), 1468):
        data += more
    opened.close()
    assert len(data) == opened.size
    assert sections(data)[".linux"] == KERNEL
    with pytest.raises(BootFileError, match="no EFI stub for arm64 is here"):
        files.open(f"{MAC}/uki-arm64/linux.efi", ("192.0.2.77", 1000), "192.0.2.2")


def test_an_efi_program_comes_as_it_is(site: Unified) -> None:
    (site.folder / "memtest.efi").write_bytes(KERNEL)
    site.spec = BootSpec(efi=FileRef(location=str(site.folder / "memtest.efi")))
    response = site.get(f"/_/loader/{MAC}/efi/boot.efi")
    assert (response.status_code, response.data) == (200, KERNEL)
    assert site.kinds()[:2] == [KernelSent, Booting]
    assert "no kernel to start without iPXE" in site.get(URL).text


def test_where_a_kernel_is_booted_there_is_no_efi_program(site: Unified) -> None:
    assert site.get(f"/_/loader/{MAC}/efi/boot.efi").status_code == 404


def test_ipxe_starts_an_efi_program_as_a_kernel(site: Unified) -> None:
    (site.folder / "memtest.efi").write_bytes(KERNEL)
    site.spec = BootSpec(efi=FileRef(location=str(site.folder / "memtest.efi")), message="Testing")
    script = site.get(f"/_/ipxe?mac={MAC}&arch=x86_64&platform=efi").text
    (url,) = [line.split()[3] for line in script.splitlines() if line.startswith("kernel ")]
    assert site.get(url[url.index("/_/") :]).data == KERNEL
    assert "echo Testing" in script
    refusal = site.get(f"/_/ipxe?mac={MAC}&arch=x86_64&platform=pcbios")
    assert refusal.status_code == 404
    assert "an EFI program, which BIOS cannot start" in refusal.text
