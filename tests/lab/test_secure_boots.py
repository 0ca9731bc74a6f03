"""Secure Boot, enforced by firmware: what is signed boots, and what is not is refused.

With a key of one's own, the one that Debian's package of OVMF brings for tests and has a firmware for; and with
Microsoft's keys, by what Debian has had signed.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pefile
import pytest

from .boot import boot
from .machines import MAC, MACHINES, Flash, Machine
from .neighbour import start_neighbour
from .network import SERVER_ADDRESS, Network
from .packages import CACHE, unpack
from .payload import payload
from .server import PIXIECORE, Errand, start_server
from .timings import Timing, record

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

_OWN = Flash("OVMF_CODE_4M.secboot.fd", "OVMF_VARS_4M.snakeoil.fd", guarded=True)
_SNAKEOIL = Path("/usr/share/ovmf/PkKek-1-snakeoil.key")


_MICROSOFTS = Flash("OVMF_CODE_4M.secboot.fd", "OVMF_VARS_4M.ms.fd", guarded=True)
_NEXT_SERVER = f"--dhcp-boot=,,{SERVER_ADDRESS}"
_BY_GRUB = re.compile(rf"^BOOT_IMAGE=\(tftp,{re.escape(SERVER_ADDRESS)}\)/[0-9a-f:]+/shim-grub-x86_64/kernel ")


def _machine(like: str, flash: Flash) -> Machine:
    return replace(MACHINES[like], name=f"{like}-{flash.variables}", flash=flash, stub="x64")


OWN_KEY = [pytest.param(_machine(like, _OWN), id=like) for like in ("ovmf-x64-pxe", "ovmf-x64-http")]


def _key(folder: Path) -> list[str]:
    """Options that name the test's key, without its pass phrase."""
    key = folder / "own.key"
    subprocess.run(
        ["openssl", "pkey", "-in", _SNAKEOIL, "-passin", "pass:snakeoil", "-out", key], check=True, capture_output=True
    )
    key.chmod(0o600)
    return [f"--secureboot-key={key}", f"--secureboot-cert={_SNAKEOIL.with_suffix('.pem')}"]


_RIVAL = "only what is signed beforehand, by hand"


def _boots(machine: Machine, folder: Path, options: Sequence[str], own_user: bool = False, way: str = "") -> str:
    errand = Errand.prepare(folder)
    with Network() as network:
        start_neighbour(network, folder, router_advertisements=False)
        server = start_server(network, folder, machine, errand, options=options, own_user=own_user)
        result = boot(machine, network, folder)
        errand.check(machine, result)
        assert "LAB SecureBoot 1" in result.serial
        assert "LAB SetupMode 0" in result.serial
        if way:
            record(Timing(_plain(machine), f"Secure Boot: {way}", result.seconds, rival=_RIVAL))
        return server.text()


def _plain(machine: Machine) -> str:
    return machine.name.partition("-OVMF")[0]


@pytest.mark.parametrize("machine", OWN_KEY)
def test_signed_by_our_own_key_it_boots(machine: Machine, lab_folder: Path) -> None:
    _boots(machine, lab_folder, _key(lab_folder), way="one file, signed by our own key")


def test_the_key_is_roots_and_the_server_is_not(lab_folder: Path) -> None:
    """It gives root up before it signs anything."""
    log = _boots(_machine("ovmf-x64-pxe", _OWN), lab_folder, _key(lab_folder), own_user=True)
    assert "Goes on as user pixiecore, without any privilege" in log


@pytest.mark.parametrize("machine", OWN_KEY)
def test_the_same_file_unsigned_is_refused(machine: Machine, lab_folder: Path) -> None:
    errand = Errand.prepare(lab_folder)
    with Network() as network:
        start_neighbour(network, lab_folder, router_advertisements=False)
        server = start_server(network, lab_folder, machine, errand, options=["--uefi-direct=always"])
        refused = boot(machine, network, lab_folder, marker="Access Denied")
        assert "LAB" not in refused.serial
        assert "has everything and starts its kernel" in server.text(), "it was fetched"


_SBAT = (
    "sbat,1,SBAT Version,sbat,1,https://github.com/rhboot/shim/blob/main/SBAT.md\nipxe,1,lab,ipxe,1,https://ipxe.org\n"
)
_IPXE = Path("/usr/lib/ipxe/snponly.efi")


def _run(*argv: str | Path) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"


def _signed(source: Path, folder: Path, name: str) -> Path:
    """A copy that is signed by the test's key."""
    _key(folder)
    result = folder / name
    result.parent.mkdir(exist_ok=True)
    own = ["--key", folder / "own.key", "--cert", _SNAKEOIL.with_suffix(".pem")]
    _run("sbsign", *own, "--output", result, source)
    return result


def _stand_in(folder: Path, is_signed: bool = True) -> Path:
    """What iPXE's project has signed by Microsoft, with our own key in Microsoft's place: Debian's shim and iPXE."""
    _signed(_distribution() / "shimx64.efi.signed", folder, "chain/shimx64.efi")
    second = folder / "ipxe.efi"
    with pefile.PE(str(_IPXE)) as program:
        has_generation = any(section.Name.startswith(b".sbat") for section in program.sections)
    if has_generation:
        shutil.copy(_IPXE, second)
    else:  # Debian 12's is older than what shim asks for (rhboot/shim, SBAT.md)
        sbat = folder / "sbat.csv"
        sbat.write_text(_SBAT)
        at = ["--set-section-flags", ".sbat=contents,alloc,load,readonly,data", "--change-section-address"]
        _run("objcopy", f"--add-section=.sbat={sbat}", *at, ".sbat=0x1000000", _IPXE, second)
    if is_signed:
        _signed(second, folder, "chain/snponly.efi")
    else:
        shutil.copy(second, folder / "chain/snponly.efi")
    return folder / "chain"


@pytest.mark.parametrize("machine", OWN_KEY)
def test_shim_and_ipxe(machine: Machine, lab_folder: Path) -> None:
    """The names, the optional files and the script of way two; the signatures are ours, for want of theirs."""
    machine = replace(machine, stub="")
    kernel = _signed(payload(machine.payload).kernel, lab_folder, "vmlinuz")
    errand = Errand.prepare(lab_folder)
    with Network() as network:
        start_neighbour(network, lab_folder, router_advertisements=False)
        options = [f"--secureboot-ipxe={_stand_in(lab_folder)}"]
        server = start_server(network, lab_folder, machine, errand, options=options, kernel=kernel)
        result = boot(machine, network, lab_folder)
        errand.check(machine, result)
        assert "LAB SecureBoot 1" in result.serial
        assert "warning: Failed" not in server.text()
        way = "Secure Boot: shim and iPXE, signed by us in Microsoft's place"
        record(Timing(_plain(machine), way, result.seconds, rival=_RIVAL))


def test_shim_refuses_an_unsigned_ipxe(lab_folder: Path) -> None:
    machine = replace(_machine("ovmf-x64-pxe", _OWN), stub="")
    errand = Errand.prepare(lab_folder)
    with Network() as network:
        start_neighbour(network, lab_folder)
        options = [f"--secureboot-ipxe={_stand_in(lab_folder, is_signed=False)}"]
        start_server(network, lab_folder, machine, errand, options=options)
        refused = boot(machine, network, lab_folder, marker="Security Violation")
        assert "iPXE 1" not in refused.serial


def _distribution() -> Path:
    """A folder with Debian's shim and signed GRUB."""
    root = CACHE / "signed"
    folder = root / "chain"
    if not folder.exists():
        unpack(["shim-signed:amd64", "shim-helpers-amd64-signed:amd64", "grub-efi-amd64-signed:amd64"], root)
        folder.mkdir()
        for name in ("lib/shim/shimx64.efi.signed", "lib/shim/mmx64.efi.signed"):
            shutil.copy(root / "usr" / name, folder)
        shutil.copy(root / "usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed", folder)
    return folder


def test_shim_and_grub_of_the_distribution(lab_folder: Path) -> None:
    """Microsoft's keys, and a main DHCP server that names us as its next-server."""
    machine = replace(_machine("ovmf-x64-pxe", _MICROSOFTS), stub="")
    errand = Errand.prepare(lab_folder)
    with Network() as network:
        start_neighbour(network, lab_folder, router_advertisements=False, extra=[_NEXT_SERVER])
        options = [f"--secureboot-grub={_distribution()}", "--bootmsg=Installing, 'go' get a $coffee"]
        server = start_server(network, lab_folder, machine, errand, options=options)
        result = boot(machine, network, lab_folder)
        assert _BY_GRUB.match(result.cmdline), result.cmdline
        errand.check(machine, replace(result, cmdline=_BY_GRUB.sub("", result.cmdline)))
        assert "LAB SecureBoot 1" in result.serial
        assert "Installing, 'go' get a $coffee" in result.serial
        record(Timing(_plain(machine), "Secure Boot: Debian's shim and GRUB", result.seconds, rival=_RIVAL))
        assert "has everything and starts its kernel" in server.text()
        assert "warning: Failed" not in server.text()


def test_grub_waits_until_the_machine_is_approved(lab_folder: Path) -> None:
    machine = replace(_machine("ovmf-x64-pxe", _MICROSOFTS), stub="")
    database = f"{lab_folder / 'allowlist.sqlite'}"
    errand = Errand.prepare(lab_folder)
    with Network() as network:
        start_neighbour(network, lab_folder, router_advertisements=False, extra=[_NEXT_SERVER])
        options = [f"--secureboot-grub={_distribution()}", "--allowlist-enabled", f"--allowlist-database={database}"]
        server = start_server(network, lab_folder, machine, errand, options=options)
        approved: list[int] = []

        def approve_once_held_twice() -> None:
            if not approved and server.text().count(f"Holding {MAC}") == 2:
                command = [PIXIECORE, "allowlist", "--database", database, "approve", MAC]
                approved.append(subprocess.run(command, check=True).returncode)

        result = boot(machine, network, lab_folder, watch=approve_once_held_twice)
        assert approved == [0]
        assert _BY_GRUB.match(result.cmdline), result.cmdline
        assert "LAB SecureBoot 1" in result.serial
