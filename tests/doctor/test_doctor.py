"""``pixiecore doctor`` on hosts of its own, with real rules, holders of ports and DHCP servers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lab.neighbour import start_neighbour
from tests.lab.network import Network

pytestmark = [
    pytest.mark.netns,
    pytest.mark.servers,
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
]
PIXIECORE = str(Path(sys.executable).with_name("pixiecore"))


@pytest.fixture
def network() -> Iterator[Network]:
    with Network() as network:
        yield network


def doctor(network: Network, folder: Path, *options: str, status: int) -> list[dict[str, Any]]:
    (folder / "undionly.kpxe").write_bytes(b"loader")
    command = ["ip", "netns", "exec", network.srv, PIXIECORE, "doctor", "--json", "--cache-dir", str(folder / "cache")]
    command += ["--key-file", str(folder / "key"), "--ipxe-bios", str(folder / "undionly.kpxe"), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    assert all(sorted(one) == ["mend", "name", "status", "what"] for one in found)
    return found


def _of(found: list[dict[str, Any]], name: str) -> list[str]:
    return [f"{one['status']}: {one['what']}" for one in found if one["name"] == name]


def test_a_host_on_which_all_is_well(network: Network, tmp_path: Path) -> None:
    start_neighbour(network, tmp_path)
    found = doctor(network, tmp_path, status=0)
    assert _of(found, "dhcp") == ["ok: the DHCP server at 192.0.2.1 on eth0 gives addresses"]
    assert _of(found, "interfaces") == ["ok: interface eth0 has 192.0.2.2"]
    assert _of(found, "firewall") == ["ok: nftables and iptables let machines in"]
    assert len(_of(found, "ports")) == 4
    assert not [one for one in found if one["status"] == "broken"]
    # It asks, and takes nothing.
    assert "DHCPREQUEST" not in (tmp_path / "neighbour.log").read_text()
    assert not (tmp_path / "leases").exists() or not (tmp_path / "leases").read_text().strip()


def test_what_spoils_boots_is_told_with_the_mend(network: Network, tmp_path: Path) -> None:
    start_neighbour(network, tmp_path, extra=["--dhcp-option-force=60,PXEClient", "--dhcp-boot=theirs.0"])
    found = doctor(network, tmp_path, "--tftp", "off", status=1)
    told = _of(found, "dhcp")
    assert told[0] == "ok: the DHCP server at 192.0.2.1 on eth0 gives addresses"
    assert told[1].startswith("broken: the DHCP server at 192.0.2.1 on eth0 sends option 60 (PXEClient) without 43")
    assert told[2].startswith('warning: the DHCP server at 192.0.2.1 on eth0 names a boot file of its own, "theirs.0"')
    (mend,) = [one["mend"] for one in found if one["status"] == "broken"]
    assert any(line.startswith("dnsmasq: remove dhcp-option=60,PXEClient") for line in mend)


def test_nobody_gives_addresses_rules_drop_and_a_port_is_held(network: Network, tmp_path: Path) -> None:
    rules = "table inet f { chain c { type filter hook input priority 0; policy drop; udp dport {67, 4011} accept; };}"
    subprocess.run(["ip", "netns", "exec", network.srv, "nft", rules], check=True)
    holder = network.run_in(
        network.srv, ["dnsmasq", "-k", "-C", "/dev/null", "--port=69", "--log-facility=-"], tmp_path / "holder"
    )
    holder.wait_for("started", 10)
    found = doctor(network, tmp_path, "--interface", "eth0", "--interface", "wan0", status=1)
    assert _of(found, "firewall") == [
        "broken: nftables drops what comes to UDP port 69 on eth0 (chain inet f c)",
        "broken: nftables drops what comes to TCP port 80 on eth0 (chain inet f c)",
    ]
    (held,) = [one for one in found if one["name"] == "ports" and one["status"] == "broken"]
    assert held["what"].startswith("UDP port 69 (TFTP) is in use by dnsmasq (process ")
    assert held["mend"] == ["stop it, or give --tftp another port or off"]
    assert _of(found, "dhcp") == ["warning: no DHCP server answers on eth0; without an address no machine boots"]
    assert "broken: there is no interface wan0; there are: eth0, lo" in _of(found, "interfaces")


def test_rules_that_drop_are_told_when_the_server_starts(network: Network, tmp_path: Path) -> None:
    rules = "table inet f { chain c { type filter hook input priority 0; udp dport 69 drop; };}"
    subprocess.run(["ip", "netns", "exec", network.srv, "nft", rules], check=True)
    for name in ("vmlinuz", "undionly.kpxe"):
        (tmp_path / name).write_bytes(b"bytes")
    command = [PIXIECORE, "boot", tmp_path / "vmlinuz", "--ipxe-bios", tmp_path / "undionly.kpxe", "--no-cache"]
    server = network.run_in(network.srv, [*command, "--key-file", tmp_path / "key"], tmp_path / "log")
    server.wait_for("Ready:", 30)
    told = "nftables drops what comes to UDP port 69 on eth0 (chain inet f c); nft insert rule inet f c"
    assert told in server.text()


def test_who_lacks_capabilities_is_told_so(network: Network, tmp_path: Path) -> None:
    start_neighbour(network, tmp_path)
    command = ["ip", "netns", "exec", network.srv, "setpriv", "--inh-caps=-all", "--bounding-set=-all"]
    command += [PIXIECORE, "doctor", "--json", "--no-cache", "--key-file", str(tmp_path / "key")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    found = json.loads(done.stdout)
    assert any("cap_net_bind_service" in told for told in _of(found, "privileges"))
    assert _of(found, "firewall")[0].startswith("warning: the rules of nftables cannot be seen")
    assert any(told.startswith("warning: who answers DHCP on eth0 cannot be asked") for told in _of(found, "dhcp"))
