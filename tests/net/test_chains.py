"""Signed chains on the wire: what shim, iPXE and GRUB ask for by TFTP and HTTP, with files that are made up.

Firmware does the same in the lab, tests/lab/test_secure_boots.py; here is every name, and what is refused.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from pixiecore_core import BootSpec, Hold, Ignore, ScriptSent
from pixiecore_core.firmware.chains import FoundChains, find_chains
from pixiecore_core.firmware.finding import FoundLoaders
from pixiecore_core.models.facts import Held
from tests.command import failure, pixiecore
from tests.keys import pair
from tests.net.test_unified import Unified
from tests.processes import HIGH_PORTS, serving
from tests.programs import program

MAC = "52:54:00:12:34:56"
KERNEL, INITRD = program(sections=[(".text", b"kernel")]), b"initrd"


def efi(words: str) -> bytes:
    return program(sections=[(".text", words.encode())])


@dataclass
class Server:
    ports: dict[str, int]

    def tftp(self, name: str) -> bytes | None:
        return curl(f"tftp://127.0.0.1:{self.ports['TFTP']}/{name}")

    def http(self, name: str) -> bytes | None:
        return curl(f"http://127.0.0.1:{self.ports['HTTP']}/_/loader/{name}")

    def both(self, name: str) -> bytes | None:
        by_tftp, by_http = self.tftp(name), self.http(name)
        assert by_tftp == by_http
        return by_tftp


def curl(url: str) -> bytes | None:
    """What is there; ``None`` where it is not found."""
    argv = ["curl", "-sS", "--fail", "--globoff", "--path-as-is", url]
    done = subprocess.run(argv, capture_output=True, check=False, timeout=30)
    assert done.returncode in (0, 22, 68), done.stderr  # 68 is TFTP's "not found", 22 HTTP's
    return done.stdout if done.returncode == 0 else None


def running(folder: Path, *options: str) -> Iterator[Server]:
    (folder / "vmlinuz").write_bytes(KERNEL)
    (folder / "initrd").write_bytes(INITRD)
    boot = ["boot", str(folder / "vmlinuz"), str(folder / "initrd"), "--cmdline=quiet a=$b", *HIGH_PORTS]
    own = [f"--cache-dir={folder / 'cache'}", f"--key-file={folder / 'url.key'}"]
    with serving(*boot, *own, *options) as server:
        assert server.stdout is not None
        line = next(line for line in server.stdout if "Ready" in line)
        yield Server({name: int(port) for name, port in re.findall(r"(HTTP|TFTP) on port (\d+)", line)})


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("signed")
    (folder / "2023").mkdir()
    for name in ("shimx64.efi", "2023/shimx64.efi", "snponly.efi", "ipxe.efi", "mmx64.efi", "grubx64.efi"):
        (folder / name).write_bytes(efi(name))
    return folder


@pytest.fixture(scope="module")
def ipxe(signed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    yield from running(tmp_path_factory.mktemp("ipxe"), f"--secureboot-ipxe={signed}")


@pytest.fixture(scope="module")
def grub(signed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    yield from running(tmp_path_factory.mktemp("grub"), f"--secureboot-grub={signed}")


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("shim-ipxe-x86_64/shimx64.efi", "shimx64.efi"),
        ("shim-ipxe-x86_64-2023/shimx64.efi", "2023/shimx64.efi"),
        ("shim-ipxe-x86_64/ipxe.efi", "snponly.efi"),
        ("shim-ipxe-x86_64-2023/snponly.efi", "snponly.efi"),
        ("shim-ipxe-x86_64//ipxe.efi", "snponly.efi"),
        ("shim-ipxe-x86_64/onboard", "snponly.efi"),
        ("shim-ipxe-x86_64/mmx64.efi", "mmx64.efi"),
        ("shim-ipxe-x86_64/revocations_sbat.efi", None),
        ("shim-ipxe-x86_64/revocations_sku.efi", None),
        ("shim-ipxe-x86_64/shim_certificate_0.efi", None),
        ("shim-ipxe-x86_64/sbat.csv", None),
        ("shim-ipxe-x86_64/fbx64.efi", None),
        ("shim-ipxe-arm64/shimaa64.efi", None),
        ("shim-grub-x86_64/grubx64.efi", None),
    ],
)
def test_what_shim_asks_for(ipxe: Server, name: str, file: str | None) -> None:
    assert ipxe.both(f"{MAC}/{name}") == (efi(file) if file else None)


def test_signed_ipxe_finds_its_script(ipxe: Server) -> None:
    script = ipxe.tftp(f"{MAC}/shim-ipxe-x86_64/autoexec.ipxe")
    assert script is not None
    assert f"/_/ipxe?mac={MAC}&net0=".encode() in script
    assert ipxe.http(f"{MAC}/shim-ipxe-x86_64/autoexec.ipxe") is not None


def test_backslashes_and_a_slash_in_front(ipxe: Server) -> None:
    """rhboot/shim issue 524."""
    assert ipxe.tftp(f"/{MAC}\\shim-ipxe-x86_64\\ipxe.efi") == efi("snponly.efi")


def test_what_grub_asks_for(grub: Server) -> None:
    first = grub.tftp("/grub/grub.cfg")
    assert first is not None
    assert b"$net_default_mac/shim-grub-$grub_cpu/grub.cfg" in first
    own = grub.tftp(f"{MAC}/shim-grub-x86_64/grub.cfg")
    assert own is not None
    (linux, initrd, boot) = own.decode().splitlines()
    assert linux.endswith(" 'quiet' 'a=$b'")
    assert boot == "boot"
    paths = re.findall(r"'\(tftp,127\.0\.0\.1\)/([^']+)'", linux + initrd)
    assert [grub.tftp(path) for path in paths] == [KERNEL, INITRD]
    assert grub.tftp(f"{MAC}/shim-grub-x86_64/grubx64.efi") == efi("grubx64.efi")
    assert grub.tftp(f"{MAC}/shim-grub-x86_64/initrd7.last") is None
    assert grub.tftp("grub/x86_64-efi/command.lst") is None


def test_without_grub_nobody_gets_its_configuration(ipxe: Server) -> None:
    assert ipxe.tftp("grub/grub.cfg") is None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--secureboot-ipxe={0}/none"], "--secureboot-ipxe: there is no chain in"),
        (["--secureboot-grub={0}/none"], "--secureboot-grub: there is no chain in"),
        (
            ["--secureboot-ipxe={0}", "--secureboot-grub={0}"],
            "--secureboot-grub: is another way than --secureboot-ipxe",
        ),
        (["--secureboot-ipxe={0}", "--secureboot-shim=2020"], "--secureboot-shim"),
        (["--secureboot-ipxe={0}", "--secureboot-shim=xyz=2023"], "--secureboot-shim"),
        (["--secureboot-shim=2023"], "--secureboot-shim: chooses among the shims in a folder, and none is named"),
    ],
)
def test_mistakes(signed: Path, options: list[str], words: str, tmp_path: Path) -> None:
    (tmp_path / "vmlinuz").write_bytes(KERNEL)
    given = [option.format(signed) for option in options]
    done = pixiecore("boot", str(tmp_path / "vmlinuz"), *HIGH_PORTS, f"--key-file={tmp_path / 'key'}", *given)
    assert words in failure(done, 2)


CONFIG = f"/_/loader/{MAC}/shim-grub-x86_64/grub.cfg"


class Chained(Unified):
    """A site with GRUB, whose booter answers with a spec."""

    def found(self) -> FoundLoaders:
        for name in ("shimx64.efi", "grubx64.efi"):
            (self.folder / name).write_bytes(efi(name))
        chains = FoundChains(find_chains("grub", "--secureboot-grub", self.folder))
        return replace(super().found(), chains=chains)


@pytest.fixture
def site(tmp_path: Path) -> Chained:
    return Chained(tmp_path)


def test_the_sending_of_a_configuration_is_told_as_a_scripts(site: Chained) -> None:
    text = site.get(CONFIG).text
    assert text.startswith("echo 'Hello'\nlinux ")
    assert "'data=http://192.0.2.2:8080/_/file?name=" in text
    assert ScriptSent in site.kinds()


def test_grubs_command_line_may_report_steps(site: Chained) -> None:
    site.spec = site.spec.model_copy(update={"cmdline": 'quiet r={{ REPORT "login" }}', "files": {}})
    url = site.get(CONFIG).text.partition("'r=")[2].partition("'")[0]
    assert site.get(url[url.index("/_/") :]).text == "noted\n"


@pytest.mark.parametrize("name", ["grub.cfg", "kernel", "initrd0.last"])
def test_another_machine_gets_nothing(site: Chained, name: str) -> None:
    site.hardware = lambda address: {"52:54:00:99:99:99"}
    response = site.get(CONFIG.replace("grub.cfg", name))
    assert response.status_code == 404
    assert "not for 192.0.2.77, whose hardware address is 52:54:00:99:99:99" in response.text
    site.hardware = lambda address: {MAC}
    assert site.get(CONFIG.replace("grub.cfg", name)).status_code == 200


def test_a_machine_that_waits_is_told_so(site: Chained) -> None:
    site.answer = lambda: Hold(reason="wait for Ada", seconds=8)
    assert site.get(CONFIG).text == "echo 'wait for Ada'\nsleep 3\n"
    assert site.kinds()[0] is Held
    assert site.get(CONFIG.replace("grub.cfg", "kernel")).status_code == 503


@pytest.mark.parametrize(
    ("answer", "status", "words"),
    [
        (Ignore(reason="not today"), 404, "you don't netboot: not today"),
        (BootSpec(ipxe_script="#!ipxe\n"), 404, "GRUB runs no iPXE script"),
    ],
)
def test_who_gets_none(site: Chained, answer: object, status: int, words: str) -> None:
    site.answer = lambda: answer
    response = site.get(CONFIG)
    assert (response.status_code, words in response.text) == (status, True)


def test_a_command_line_that_grub_would_change_is_refused(site: Chained) -> None:
    site.spec = site.spec.model_copy(update={"cmdline": "a='b'"})
    response = site.get(CONFIG)
    assert response.status_code == 502
    assert "GRUB cannot hand on a command line with" in response.text


@pytest.mark.parametrize(("option", "words"), [("ipxe", "iPXE by TFTP or HTTP Boot"), ("grub", "GRUB by TFTP")])
def test_the_command_says_who_gets_it(signed: Path, option: str, words: str) -> None:
    lines = pixiecore("firmware", f"--secureboot-{option}={signed}").stdout.splitlines()
    (line,) = [line for line in lines if line.startswith("UEFI x86_64")]
    assert line.endswith(f"its card's own iPXE; else signed shim and {words} (--secureboot-{option})")
    (other,) = [line for line in lines if line.startswith("UEFI arm64")]
    assert "signed" not in other


def test_the_command_says_what_is_signed(tmp_path: Path) -> None:
    (tmp_path / "stub").write_bytes(program())
    key, certificate = pair(tmp_path)
    own = [f"--secureboot-key={key}", f"--secureboot-cert={certificate}", f"--uefi-stub-x64={tmp_path / 'stub'}"]
    assert "kernel, initrds and command line, signed (--secureboot-key)" in pixiecore("firmware", *own).stdout
