"""Why a machine does not boot, told while real firmware fails: on its screen, and by ``pixiecore explain``."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pixiecore_core.cli.explain_capture import explained as captured_in
from pixiecore_core.cli.explain_capture import read
from pixiecore_core.engine.case import Cause
from pixiecore_core.engine.diagnoses.afterwards import LIFE_SECONDS

from .api import answer, start_api
from .api import start_server as start_api_server
from .boot import BootFailed, BootResult, boot
from .machines import BY_STOCK_IPXE, MAC, MACHINES, Ipxe, Machine
from .neighbour import start_neighbour
from .network import LINK, Network, run
from .packages import SuiteNotHere
from .payload import payload
from .server import PIXIECORE, Errand, start_server

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

# iPXE of 2019 in a card and on UEFI, and Debian 13's on both.
BIOS, UEFI = MACHINES["seabios-ipxe-virtio"], MACHINES["ovmf-x64-pxe"]
UEFI_2025 = BY_STOCK_IPXE["ovmf-x64-pxe-2025"]
BIOS_2025 = replace(
    MACHINES["bios-plain-pxe"],
    name="bios-plain-pxe-2025",
    ipxe=Ipxe("--ipxe-bios", "undionly.kpxe", "trixie"),
)
RIVAL_ADDRESS = "192.0.2.3"
ASKED_WHAT_TO_DO = "/_/failed... ok"
EVERY_SECONDS = 3
"""Between two looks at what is said of a machine."""


def explained(network: Network, *arguments: str) -> dict[str, Any]:
    """What ``pixiecore explain`` says on the server's host."""
    command = [PIXIECORE, "explain", *(arguments or (MAC,)), "--json"]
    inside = ["ip", "netns", "exec", network.srv, *map(str, command)]
    done = subprocess.run(inside, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def causes(found: dict[str, Any]) -> list[str]:
    return [diagnosis["cause"] for diagnosis in found["diagnoses"]]


def by_capture(folder: Path, *, while_written: bool = False) -> dict[str, Any]:
    """What ``pixiecore explain FILE`` says of the wire, which is all that it has.

    :param while_written: its last frame may be half there
    """
    command = [PIXIECORE, "explain", folder / "wire.pcap", "--mac", MAC, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode in ((0, 1) if while_written else (0,)), done.stderr
    (found,) = json.loads(done.stdout)["machines"]
    return dict(found)


class _Told(Exception):
    """What a test waits for has been said."""


def watched(
    network: Network, machine: Machine, folder: Path, cause: Cause, captured: Cause | None = None, timeout: float = 120
) -> dict[str, Any]:
    """Boot it until the server names the cause; what it says then.

    Not for a time: on a busy computer firmware asks when it comes to it, and the rules wait for its silence.

    :param captured: a cause that must be seen in the capture, too
    """
    due = 0.0

    def look() -> None:
        nonlocal due
        if time.monotonic() < due:
            return
        seen = cause in causes(explained(network))
        if seen and (captured is None or captured in causes(by_capture(folder, while_written=True))):
            raise _Told
        due = time.monotonic() + EVERY_SECONDS

    with suppress(_Told, BootFailed):
        boot(machine, network, folder, watch=look, timeout=timeout, give_up=False)
    return explained(network)


def fails(
    machine: Machine,
    folder: Path,
    until: Cause | str,
    *,
    captured: Cause | None = None,
    kernel: Path | None = None,
    options: Sequence[str] = (),
    extra: Sequence[str] = (),
    before: Callable[[Network], object] = lambda network: None,
) -> tuple[dict[str, Any], BootResult | None]:
    """Boot it in vain; what is said of it, and what was on its screen.

    :param until: what ends the boot: a cause that the server names, or words on its serial line
    :param before: called before the machine is switched on
    """
    errand = Errand.prepare(folder)
    with Network() as network:
        start_neighbour(network, folder, extra=extra)
        start_server(network, folder, machine, errand, kernel=kernel, options=options)
        before(network)
        if isinstance(until, Cause):
            return watched(network, machine, folder, until, captured), None
        result = None
        with suppress(BootFailed):
            result = boot(machine, network, folder, marker=until)
        return explained(network), result


@pytest.mark.parametrize("machine", [BIOS, BIOS_2025, UEFI, UEFI_2025], ids=lambda machine: machine.name)
def test_a_kernel_that_is_gone(machine: Machine, lab_folder: Path) -> None:
    """Stock iPXE of both releases tells which step failed, and why."""
    kernel = lab_folder / "vmlinuz"
    kernel.write_bytes(payload(machine.payload).kernel.read_bytes())
    found, result = fails(machine, lab_folder, ASKED_WHAT_TO_DO, kernel=kernel, before=lambda network: kernel.unlink())
    assert result is not None
    assert found["state"] == "failed"
    assert causes(found) == [Cause.FILE_FAILED]
    assert "vmlinuz does not exist" in found["diagnoses"][0]["says"]
    said = [entry["message"] for entry in found["timeline"] if "failed to load its kernel" in entry["message"]]
    assert said == [
        f"{MAC} failed to load its kernel: HTTP 404 (ipxe.org/err/2d0c61); the firmware goes on to its next boot entry"
    ]


@pytest.mark.parametrize("machine", [UEFI, UEFI_2025], ids=lambda machine: machine.name)
def test_a_kernel_that_is_none(machine: Machine, lab_folder: Path) -> None:
    kernel = lab_folder / "vmlinuz"
    kernel.write_text("this is no kernel\n" * 100)
    found, result = fails(machine, lab_folder, "next boot entry", kernel=kernel, options=["--uefi-direct=never"])
    assert result is not None
    assert "Pixiecore: it could not load its kernel: not something that this iPXE can start" in result.serial
    assert causes(found) == [Cause.NOT_A_KERNEL]
    assert "(ipxe.org/err/2e0080)" in found["diagnoses"][0]["says"]


def test_a_boot_that_went_well(lab_folder: Path) -> None:
    """Three lines say so."""
    errand = Errand.prepare(lab_folder)
    with Network() as network:
        start_neighbour(network, lab_folder)
        start_server(network, lab_folder, BIOS, errand)
        errand.check(BIOS, boot(BIOS, network, lab_folder))
        found = explained(network, "--last")
        assert (found["state"], causes(found)) == ("booted", [])
        inside = ["ip", "netns", "exec", network.srv, str(PIXIECORE), "explain", MAC]
        lines = subprocess.run(inside, capture_output=True, text=True, check=True, timeout=30).stdout.splitlines()
        assert len(lines) == 3
        assert "booted: its kernel started" in lines[0]
        assert "its system has been heard of" in lines[0]


@pytest.mark.parametrize("machine", [BIOS, UEFI], ids=lambda machine: machine.name)
def test_a_network_without_a_dhcp_server(machine: Machine, lab_folder: Path) -> None:
    """iPXE says so; firmware asks and asks, and nobody was heard to offer it an address."""
    errand = Errand.prepare(lab_folder)
    with Network() as network:
        start_server(network, lab_folder, machine, errand)
        found = watched(network, machine, lab_folder, Cause.NO_DHCP, captured=Cause.NO_DHCP)
    assert causes(found) == causes(by_capture(lab_folder)) == [Cause.NO_DHCP]
    assert "Does a DHCP server run in this network" in found["diagnoses"][0]["mend"][0]


def test_minutes_lost_on_the_entry_before(lab_folder: Path) -> None:
    """PXE by IPv4 comes first, whose TFTP is dropped; the machine boots by the HTTP Boot that comes last."""
    rules = "add table inet lab; add chain inet lab in { type filter hook input priority 0; }; "
    rules += "add rule inet lab in udp dport 69 drop"
    errand = Errand.prepare(lab_folder)
    with Network() as network:
        start_neighbour(network, lab_folder)
        start_server(network, lab_folder, UEFI, errand)
        run("ip", "netns", "exec", network.srv, "nft", rules)
        errand.check(UEFI, boot(UEFI, network, lab_folder, timeout=240))
        found = explained(network)
    assert found["state"] == "booted"
    assert Cause.TIME_LOST in causes(found)
    assert Cause.TIME_LOST in causes(by_capture(lab_folder))
    lost = next(one for one in found["diagnoses"] if one["cause"] == Cause.TIME_LOST)
    assert any("HTTP" in line for line in lost["mend"])


def test_a_dhcp_server_that_says_pxeclient(lab_folder: Path) -> None:
    """Its firmware asks that server's port 4011, where nobody is: no proxy can win."""
    found, _ = fails(
        UEFI, lab_folder, Cause.OPTION_60, captured=Cause.OPTION_60, extra=["--dhcp-option-force=60,PXEClient"]
    )
    assert causes(found) == causes(by_capture(lab_folder)) == [Cause.OPTION_60]
    (diagnosis,) = found["diagnoses"]
    assert "192.0.2.1" in diagnosis["says"]
    assert any("dnsmasq" in line for line in diagnosis["mend"])
    assert any("HttpBootUri" in line for line in diagnosis["mend"])


@pytest.mark.parametrize(("machine", "menu"), [(UEFI, "x86-64_EFI"), (BIOS, "x86PC")], ids=["firmware", "ipxe"])
def test_a_second_proxy(machine: Machine, menu: str, lab_folder: Path) -> None:
    """It offers sooner than we, whose API is slow, so EDK2 and a card's iPXE take its offer; its file is not there."""
    errand, nothing = Errand.prepare(lab_folder), lab_folder / "nothing"
    nothing.mkdir()
    with Network() as network:
        start_neighbour(network, lab_folder)
        start_api(network, lab_folder, {MAC: answer(errand)}, seconds=1)
        start_api_server(network, lab_folder)
        argv = [
            *("dnsmasq", "--keep-in-foreground", "--log-facility=-", "--conf-file=/dev/null", "--pid-file"),
            *("--user=root", "--port=0", f"--interface={LINK}", "--bind-interfaces", "--dhcp-range=192.0.2.0,proxy"),
            *("--enable-tftp", f"--tftp-root={nothing}", f"--pxe-service={menu},theirs,theirs.efi"),
        ]
        rival = network.run_in(network.add_host("rival", RIVAL_ADDRESS), argv, lab_folder / "rival.log")
        rival.wait_for("DHCP, proxy", timeout=10)
        found = watched(network, machine, lab_folder, Cause.SECOND_PROXY, captured=Cause.SECOND_PROXY)
    assert causes(found) == causes(by_capture(lab_folder)) == [Cause.SECOND_PROXY]
    assert RIVAL_ADDRESS in found["diagnoses"][0]["says"]


def test_tftp_that_a_firewall_drops(lab_folder: Path) -> None:
    rules = "add table inet lab; add chain inet lab in { type filter hook input priority 0; }; "
    rules += "add rule inet lab in udp dport 69 drop"
    found, _ = fails(
        UEFI,
        lab_folder,
        Cause.TFTP_BLOCKED,
        captured=Cause.TFTP_BLOCKED,
        before=lambda network: run("ip", "netns", "exec", network.srv, "nft", rules),
    )
    assert causes(found) == causes(by_capture(lab_folder)) == [Cause.TFTP_BLOCKED]
    assert any("udp dport" in line for line in found["diagnoses"][0]["mend"])


def test_http_that_a_firewall_drops(lab_folder: Path) -> None:
    rules = "add table inet lab; add chain inet lab in { type filter hook input priority 0; }; "
    rules += "add rule inet lab in tcp dport 80 ip saddr 192.0.2.100-192.0.2.199 drop"
    found, _ = fails(
        BIOS,
        lab_folder,
        Cause.HTTP_BLOCKED,
        captured=Cause.HTTP_BLOCKED,
        before=lambda network: run("ip", "netns", "exec", network.srv, "nft", rules),
    )
    assert causes(found) == causes(by_capture(lab_folder)) == [Cause.HTTP_BLOCKED]
    assert any("tcp dport 80" in line for line in found["diagnoses"][0]["mend"])


def test_an_ipxe_for_another_processor(lab_folder: Path) -> None:
    """The server looks at what it is to hand out, so somebody has to put it there behind its back."""
    try:
        wrong = Ipxe("--ipxe-efi64", "ipxe-arm64.efi", "trixie").path()
    except SuiteNotHere as missing:
        pytest.skip(str(missing))
    ours = lab_folder / "snponly.efi"
    shutil.copyfile("/usr/lib/ipxe/snponly.efi", ours)
    found, _ = fails(
        UEFI,
        lab_folder,
        Cause.LOADER_SILENT,
        captured=Cause.LOADER_SILENT,
        options=["--uefi-direct=never", f"--ipxe-efi64={ours}"],
        before=lambda network: shutil.copyfile(wrong, ours),
    )
    assert causes(found)[0] == causes(by_capture(lab_folder))[0] == Cause.LOADER_SILENT
    assert "Secure Boot" in found["diagnoses"][0]["mend"][0]


def test_a_kernel_for_another_processor(lab_folder: Path) -> None:
    found, result = fails(
        UEFI,
        lab_folder,
        "next boot entry",
        kernel=payload("arm64").kernel,
        options=["--uefi-direct=never"],
    )
    assert result is not None
    assert causes(found)[0] == causes(by_capture(lab_folder))[0] == Cause.NOT_A_KERNEL


def test_bios_is_handed_a_kernel_for_another_processor(lab_folder: Path) -> None:
    """It jumps into it, and nothing more is heard; the server has seen what it hands out."""
    found, _ = fails(BIOS, lab_folder, Cause.NOT_A_KERNEL, kernel=payload("arm64").kernel)
    assert causes(found)[0] == Cause.NOT_A_KERNEL
    assert "a kernel for arm64, and is BIOS i386" in found["diagnoses"][0]["says"]


def test_a_kernel_that_was_cut_off(lab_folder: Path) -> None:
    kernel = lab_folder / "vmlinuz"
    whole = payload("x86_64").kernel.read_bytes()
    kernel.write_bytes(whole[: len(whole) // 2])
    found, _ = fails(UEFI, lab_folder, "next boot entry", kernel=kernel, options=["--uefi-direct=never"])
    assert causes(found)[0] in (Cause.NOT_A_KERNEL, Cause.SILENT_AFTERWARDS, Cause.CAME_BACK)


def test_a_kernel_that_panics(lab_folder: Path) -> None:
    """It has no root file system, and stays there."""
    errand, initrd = Errand.prepare(lab_folder), lab_folder / "empty.cpio"
    initrd.write_bytes(b"")
    with Network() as network:
        start_neighbour(network, lab_folder)
        kernel = payload("x86_64").kernel
        argv = [PIXIECORE, "boot", kernel, f"--cmdline=console=ttyS0 {errand.word}", f"--key-file={lab_folder / 'k'}"]
        argv.append("--no-history")
        server = network.run_in(network.srv, argv, lab_folder / "server.log")
        server.wait_for("Ready", timeout=15)
        boot(BIOS, network, lab_folder, marker="Kernel panic")
        time.sleep(LIFE_SECONDS)
        found = explained(network)
    assert causes(found) == [Cause.SILENT_AFTERWARDS]
    replay, _ = read(lab_folder / "wire.pcap", None)
    replay.now += LIFE_SECONDS
    (captured,) = captured_in(replay, [MAC])
    assert causes(dict(captured)) == [Cause.SILENT_AFTERWARDS]


def test_a_machine_that_policy_ignores(lab_folder: Path) -> None:
    allowed = lab_folder / "allowed"
    allowed.write_text("52:54:00:00:00:01\n")
    options = [f"--allowlist-file={allowed}", "--allowlist-unlisted=ignore"]
    found, _ = fails(BIOS, lab_folder, Cause.IGNORED, captured=Cause.NO_OFFER, options=options)
    assert found["state"] == "ignored"
    assert causes(found) == [Cause.IGNORED]
    assert "neither listed nor approved" in found["diagnoses"][0]["says"]
    assert causes(by_capture(lab_folder)) == [Cause.NO_OFFER]


def test_a_machine_that_waits_for_somebody(lab_folder: Path) -> None:
    allowed = lab_folder / "allowed"
    allowed.write_text("52:54:00:00:00:01\n")
    found, _ = fails(BIOS, lab_folder, Cause.HELD, captured=Cause.HELD, options=[f"--allowlist-file={allowed}"])
    assert causes(found) == causes(by_capture(lab_folder)) == [Cause.HELD]
    assert f"pixiecore allowlist approve {MAC}" in found["diagnoses"][0]["says"]


def test_an_api_that_is_down(lab_folder: Path) -> None:
    """It answers the offer, and is gone when the machine's iPXE asks for its script."""
    errand = Errand.prepare(lab_folder)
    with Network() as network:
        start_neighbour(network, lab_folder)
        api = start_api(network, lab_folder, {MAC: answer(errand)})
        server = start_api_server(network, lab_folder, "--api-down=ignore")

        def stop_it() -> None:
            if "Offering to boot" in server.text():
                api.stop()

        with suppress(BootFailed):
            boot(BIOS, network, lab_folder, marker="it could not get its script", watch=stop_it)
        found = explained(network)
    assert causes(found) == causes(by_capture(lab_folder)) == [Cause.IGNORED]
    assert "the API" in found["diagnoses"][0]["says"]
    assert "cannot be reached: Connection refused" in found["diagnoses"][0]["says"]


def test_a_command_line_that_cannot_be_rendered(lab_folder: Path) -> None:
    errand = Errand.prepare(lab_folder)
    with Network() as network:
        start_neighbour(network, lab_folder)
        start_api(network, lab_folder, {MAC: answer(errand) | {"cmdline": "quiet {{ NOSUCH }}"}})
        start_api_server(network, lab_folder)
        with suppress(BootFailed):
            boot(BIOS, network, lab_folder, marker="next boot entry")
        found = explained(network)
    assert causes(found) == causes(by_capture(lab_folder)) == [Cause.SCRIPT_FAILED]
    assert "there is no function 'NOSUCH'" in found["diagnoses"][0]["says"]


def test_an_upstream_that_has_no_such_file(lab_folder: Path) -> None:
    errand = Errand.prepare(lab_folder)
    with Network() as network:
        start_neighbour(network, lab_folder)
        web = [sys.executable, "-u", "-m", "http.server", "--bind", "127.0.0.1", "--directory", lab_folder, "8000"]
        network.run_in(network.srv, web, lab_folder / "web.log").wait_for("Serving", timeout=15)
        start_api(network, lab_folder, {MAC: answer(errand) | {"kernel": "http://127.0.0.1:8000/nosuch"}})
        start_api_server(network, lab_folder, f"--cache-dir={lab_folder / 'cache'}")
        with suppress(BootFailed):
            boot(BIOS, network, lab_folder, marker=ASKED_WHAT_TO_DO)
        found = explained(network)
    assert causes(found) == causes(by_capture(lab_folder)) == [Cause.FILE_FAILED]
    assert "404" in found["diagnoses"][0]["says"]
