"""A server beside others on one wire: it hears what they tell machines, and says what spoils boots."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pixiecore_core.cli.explain_capture import read
from pixiecore_core.engine.neighbour_mends import Problem
from tests.lab.neighbour import start_neighbour
from tests.lab.network import Network, Process

pytestmark = [
    pytest.mark.netns,
    pytest.mark.servers,
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
]
PIXIECORE = Path(sys.executable).with_name("pixiecore")
ASKS = """
import socket, sys
sys.path.insert(0, {folder!r})
from pixiecore_core.net.dhcp_question import discover
from pixiecore_core.wire.dhcp4 import Option, serialize
from dataclasses import replace
asked = discover(bytes.fromhex("525400123456"), 7)
ipxe = replace(asked, options={{**asked.options, Option.USER_CLASS: b"iPXE", Option.IPXE: b"\\x13\\x01\\x01"}})
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
client.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
client.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"br0")
client.bind(("0.0.0.0", 68))
for message in (asked, ipxe):
    client.sendto(serialize(message), ("255.255.255.255", 67))
"""


@pytest.fixture
def network() -> Iterator[Network]:
    with Network() as network:
        subprocess.run(["ip", "-n", network.net, "address", "add", "192.0.2.77/24", "dev", "br0"], check=True)
        yield network


def serve(network: Network, folder: Path, namespace: str, *options: str, name: str = "ours") -> Process:
    for file in ("vmlinuz", "snponly.efi"):
        (folder / file).write_bytes(Path("/usr/lib/ipxe/snponly.efi").read_bytes())
    command = [PIXIECORE, "boot", folder / "vmlinuz", "--ipxe-efi64", folder / "snponly.efi", "--no-cache"]
    command += ["--interface", "eth0", "--key-file", folder / f"{name}.key", *options]
    server = network.run_in(namespace, command, folder / f"{name}.log")
    server.wait_for("Ready:", 30)
    return server


def a_machine_asks(network: Network) -> None:
    code = ASKS.format(folder=str(Path(__file__).parents[2]))
    subprocess.run(["ip", "netns", "exec", network.net, sys.executable, "-W", "ignore", "-c", code], check=True)


def test_a_dhcp_server_that_claims_to_be_pxe_is_warned_of_at_once(network: Network, tmp_path: Path) -> None:
    extra = ["--dhcp-option-force=60,PXEClient", "--dhcp-option=encap:175,176,1b", "--dhcp-boot=theirs.0"]
    start_neighbour(network, tmp_path, extra=extra)
    server = serve(network, tmp_path, network.srv)
    for _ in range(2):
        a_machine_asks(network)
    told = "The DHCP server at 192.0.2.1 on eth0"
    server.wait_for(f"[DHCP] {told} gives addresses", 10)
    server.wait_for(f"[DHCP] warning: {told} sends option 60 (PXEClient) without 43", 10)
    server.wait_for(f"[DHCP] warning: {told} tells iPXE to wait for no proxy (option 175.176)", 10)
    server.wait_for(f'[DHCP] {told} names a boot file of its own, "theirs.0"', 10)
    assert server.text().count("without 43") == 1
    inside = [
        "ip",
        "netns",
        "exec",
        network.srv,
        PIXIECORE,
        "capture",
        "52:54:00:12:34:56",
        "--output",
        tmp_path / "frames.pcap",
    ]
    subprocess.run(inside, check=True, capture_output=True, timeout=30)
    replay, _ = read(tmp_path / "frames.pcap", None)
    assert Problem.PXE_CLASS in [one.problem for one in replay.neighbours.problems()], "a bug report has it, too"
    assert "192.0.2.2 on" not in server.text(), "it does not hear itself"


def test_a_proxy_of_dnsmasqs_is_told_with_its_file(network: Network, tmp_path: Path) -> None:
    command = ["dnsmasq", "-k", "-C", "/dev/null", "--port=0", "--log-facility=-", "--user=root", "--pid-file="]
    command += [
        "--dhcp-range=192.0.2.0,proxy",
        "--pxe-service=X86-64_EFI,theirs,theirs.efi,192.0.2.1",
        "--leasefile-ro",
    ]
    network.run_in(network.dhcp, command, tmp_path / "proxy").wait_for("DHCP, proxy", 10)
    server = serve(network, tmp_path, network.srv)
    a_machine_asks(network)
    server.wait_for("[DHCP] warning: A proxy at 192.0.2.1 on eth0 offers boots, too", 10)


@pytest.mark.parametrize("same", [True, False])
def test_another_pixiecore_with_and_without_our_key(network: Network, tmp_path: Path, same: bool) -> None:
    serve(network, tmp_path, network.dhcp, name="theirs")
    if same:
        (tmp_path / "ours.key").write_bytes((tmp_path / "theirs.key").read_bytes())
        (tmp_path / "ours.key").chmod(0o600)
    server = serve(network, tmp_path, network.srv)
    a_machine_asks(network)
    server.wait_for("[DHCP] A proxy at 192.0.2.1 on eth0 is another Pixiecore", 10)
    words = "is another Pixiecore with our key" if same else "is another Pixiecore, with another key"
    server.wait_for(words, 10)
    assert ("warning: A proxy" in server.text()) != same


def test_without_the_capability_it_is_off_and_says_so(network: Network, tmp_path: Path) -> None:
    keep = "-all,+net_bind_service,+setuid,+setgid,+setpcap,+dac_override"
    for file in ("vmlinuz", "undionly.kpxe"):
        (tmp_path / file).write_bytes(b"bytes")
    command = ["setpriv", f"--bounding-set={keep}", "--", PIXIECORE, "boot", tmp_path / "vmlinuz", "--no-cache"]
    command += ["--ipxe-bios", tmp_path / "undionly.kpxe", "--key-file", tmp_path / "key", "--quiet-ra", "off"]
    server = network.run_in(network.srv, command, tmp_path / "log")
    server.wait_for("Ready:", 30)
    assert "Other DHCP servers are not heard; with CAP_NET_RAW" in server.text()
    assert "warning: Other" not in server.text()
