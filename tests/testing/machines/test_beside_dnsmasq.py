"""Simulated machines on a real network of three namespaces: dnsmasq gives addresses, and it or Pixiecore boots."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lab.network import LINK, NEIGHBOUR_ADDRESS, SERVER_ADDRESS, Network

pytestmark = [
    pytest.mark.netns,
    pytest.mark.servers,
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
    pytest.mark.skipif(shutil.which("dnsmasq", path="/usr/sbin:/usr/bin") is None, reason="dnsmasq is not installed"),
]
PIXIECORE = str(Path(sys.executable).with_name("pixiecore"))
DNSMASQ = ["dnsmasq", "-k", "--conf-file=/dev/null", "--port=0", f"--interface={LINK}", "--bind-interfaces"]
DNSMASQ += ["--user=root", "--no-ping", "--leasefile-ro", "--log-facility=-", "--log-dhcp"]
ROUTER = [*DNSMASQ, "--dhcp-range=192.0.2.100,192.0.2.199,1h", f"--dhcp-option=3,{NEIGHBOUR_ADDRESS}"]
KERNEL, INITRD = b"k" * 100_000, b"i" * 50_000


@pytest.fixture
def wire(tmp_path: Path) -> Iterator[Network]:
    (tmp_path / "vmlinuz").write_bytes(KERNEL)
    (tmp_path / "initrd.img").write_bytes(INITRD)
    (tmp_path / "undionly.kpxe").write_bytes(bytes(70_000))
    with Network() as network:
        ip = ("ip", "-n", network.net)
        subprocess.run([*ip, "address", "add", "192.0.2.9/24", "dev", "br0"], check=True)
        yield network


def simulated(wire: Network, *arguments: str, status: int = 0) -> dict[str, Any]:
    """The document of a simulation on the bridge, which must end with this status."""
    command = ["ip", "netns", "exec", wire.net, PIXIECORE, "simulate", *arguments, "--interface", "br0", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def lines(document: dict[str, Any]) -> list[str]:
    return [line["text"] for line in document["machines"][0]["timeline"]]


@pytest.mark.parametrize("firmware", ["bios", "uefi-x64", "ipxe", "uefi-http"])
def test_pixiecore_beside_a_dhcp_server(wire: Network, tmp_path: Path, firmware: str) -> None:
    wire.run_in(wire.dhcp, ROUTER, tmp_path / "router.log").wait_for("DHCP, IP range", timeout=10)
    head = b"MZ" + bytes(58) + (64).to_bytes(4, "little") + b"PE\0\0" + (0x8664).to_bytes(2, "little")
    (tmp_path / "snponly.efi").write_bytes(head + bytes(70_000))
    command = [PIXIECORE, "boot", tmp_path / "vmlinuz", tmp_path / "initrd.img", "--cmdline", "quiet", "--no-cache"]
    command += ["--ipxe-bios", tmp_path / "undionly.kpxe", "--ipxe-efi64", tmp_path / "snponly.efi"]
    command += ["--key-file", tmp_path / "key", "--offer-memory", tmp_path / "memory", "--user", "root"]
    wire.run_in(wire.srv, command, tmp_path / "pixiecore.log").wait_for("Ready:", timeout=30)
    document = simulated(wire, firmware, "--strict", "--mac", "52:54:00:00:00:01")
    (machine,) = document["machines"]
    assert (machine["outcome"], machine["cmdline"]) == ("booted", "initrd=initrd0 quiet")
    assert [machine["kernel"]["size"], machine["initrds"][0]["size"]] == [len(KERNEL), len(INITRD)]
    said = lines(document)
    assert any(line.startswith(f"{NEIGHBOUR_ADDRESS} answers") and "which it does not take" in line for line in said)
    assert any(line.startswith(f"{SERVER_ADDRESS} answers") and "no address (a proxy)" in line for line in said)
    assert ("asks the boot server" in "".join(said)) is (firmware == "uefi-x64")
    assert "DHCPREQUEST" not in (tmp_path / "router.log").read_text(), "an address was taken"


def proxy(tmp_path: Path) -> list[str]:
    """dnsmasq as a proxy that serves iPXE, and to iPXE a script, all by TFTP."""
    (tmp_path / "boot.ipxe").write_text(
        "#!ipxe\nkernel vmlinuz quiet || goto failed\ninitrd initrd.img || goto failed\nboot\n:failed\nexit 1\n"
    )
    (tmp_path / "ipxe.efi").write_bytes(bytes(3_000))
    return [
        *[*DNSMASQ, "--dhcp-range=192.0.2.0,proxy", "--enable-tftp", f"--tftp-root={tmp_path}"],
        *["--dhcp-userclass=set:ipxe,iPXE", "--pxe-service=tag:!ipxe,x86PC,Boot,undionly.kpxe"],
        *["--pxe-service=tag:!ipxe,x86-64_EFI,Boot,ipxe.efi"],
        # With the address: iPXE asks port 4011 for ever of a proxy that gives none (ipxe issue 954).
        f"--dhcp-boot=tag:ipxe,tftp://{SERVER_ADDRESS}/boot.ipxe,,{SERVER_ADDRESS}",
    ]


@pytest.mark.parametrize("firmware", ["bios", "uefi-x64", "ipxe"])
def test_dnsmasq_as_a_proxy(wire: Network, tmp_path: Path, firmware: str) -> None:
    wire.run_in(wire.dhcp, ROUTER, tmp_path / "router.log").wait_for("DHCP, IP range", timeout=10)
    server = wire.run_in(wire.srv, proxy(tmp_path), tmp_path / "dnsmasq.log")
    server.wait_for("DHCP, proxy", timeout=10)
    (machine,) = simulated(wire, firmware)["machines"]
    assert (machine["outcome"], machine["cmdline"]) == ("booted", "quiet"), server.text()
    assert machine["kernel"]["size"] == len(KERNEL)
    assert "sent" in server.text()


def test_a_dhcp_server_that_does_all(wire: Network, tmp_path: Path) -> None:
    """As a board wants it: U-Boot takes an offer only with an address in it."""
    (tmp_path / "pxelinux.cfg").mkdir()
    (tmp_path / "pxelinux.cfg/default").write_text("default l\nlabel l\nkernel vmlinuz\nappend quiet\n")
    command = [*ROUTER, "--enable-tftp", f"--tftp-root={tmp_path}", "--dhcp-boot=pxelinux.0"]
    wire.run_in(wire.dhcp, command, tmp_path / "router.log").wait_for("DHCP, IP range", timeout=10)
    document = simulated(wire, "u-boot", "--strict")
    (machine,) = document["machines"]
    assert (machine["outcome"], machine["cmdline"], machine["kernel"]["size"]) == ("booted", "quiet", len(KERNEL))


def test_a_dhcp_server_that_says_pxe_ruins_uefi(wire: Network, tmp_path: Path) -> None:
    """Option 60 without a boot server: EDK2 asks that server's port 4011, whatever a proxy offers."""
    router = [*ROUTER, "--dhcp-option-force=60,PXEClient"]
    wire.run_in(wire.dhcp, router, tmp_path / "router.log").wait_for("DHCP, IP range", timeout=10)
    wire.run_in(wire.srv, proxy(tmp_path), tmp_path / "dnsmasq.log").wait_for("DHCP, proxy", timeout=10)
    (machine,) = simulated(wire, "uefi-x64", "--expect", "failed")["machines"]
    assert machine["reason"] == f"no boot server answers on port 4011 of {NEIGHBOUR_ADDRESS} (PXE-E16, PXE-E55)"


def test_nobody_is_there(wire: Network) -> None:
    (machine,) = simulated(wire, "ipxe", status=1)["machines"]
    assert (machine["outcome"], machine["reason"]) == ("no-offer", "nobody offers iPXE anything to boot")
