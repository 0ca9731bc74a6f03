"""A real machine boots by an inventory, and fetches what was rendered for it; and so does Debian's cloud-init."""

from __future__ import annotations

from pathlib import Path

import pytest

from . import cloud_init
from .boot import boot
from .machines import MAC, MACHINES, Machine
from .neighbour import start_neighbour
from .network import Network
from .payload import payload
from .server import PIXIECORE

# The first boot on a machine waits for the download of the kernels; the boot itself has a time-out of its own.
pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

INVENTORY = """
profiles:
  debian:
    kernel: {kernel}
    initrd: {initrd}
    cmdline: console=ttyS0 quiet ds=nocloud;s={{{{ ID "/" }}}} lab.name={{{{ hostname }}}}
    files:
      user-data: templates/user-data
machines:
  - {name}
    labels: {{rack: a7}}
    vars: {{role: worker}}
groups:
  - match: {{label: {{rack: a*}}}}
    profile: debian
"""
USER_DATA = "#cloud-config\nfqdn: {{ hostname }}.example.net\n# {{ role }} {{ serial }} {{ firmware }} {{ address }}\n"


@pytest.mark.parametrize(
    "name", ["name: node1\n    mac: " + MAC, "name: node1\n    serial: LAB-1"], ids=["mac", "serial"]
)
@pytest.mark.parametrize(
    "machine", [pytest.param(MACHINES[name], id=name) for name in ("seabios-ipxe-virtio", "ovmf-x64-pxe")]
)
def test_it_fetches_what_was_rendered_for_it(machine: Machine, name: str, lab_folder: Path) -> None:
    parts = payload(machine.payload)
    folder = lab_folder / "inventory"
    (folder / "templates").mkdir(parents=True)
    (folder / "templates" / "user-data").write_text(USER_DATA)
    text = INVENTORY.format(kernel=parts.kernel, initrd=parts.initrd, name=name)
    (folder / "inventory.yaml").write_text(text)
    with Network() as network:
        start_neighbour(network, lab_folder)
        argv = [PIXIECORE, "run", "--booter=inventory", f"--folder={folder}", f"--key-file={lab_folder / 'url.key'}"]
        server = network.run_in(network.srv, argv, lab_folder / "server.log")
        server.wait_for("Ready", timeout=15)
        result = boot(machine, network, lab_folder)
        assert result.firmware == machine.firmware
        assert result.cmdline.endswith(" lab.name=node1")
        said = [line.removeprefix("LAB seed ") for line in result.serial.splitlines() if line.startswith("LAB seed ")]
        address = said[2].split()[-1]
        assert said == [
            "user-data #cloud-config",
            "user-data fqdn: node1.example.net",
            f"user-data # worker LAB-1 {machine.firmware.lower().replace('efi', 'uefi')} {address}",
            'meta-data instance-id: "00112233-4455-6677-8899-aabbccddeeff"',
            'meta-data local-hostname: "node1"',
        ]
        assert address.startswith("192.0.2.")
        assert 'Sent file "user-data" (file, ' in server.text()
        judged = cloud_init.seed(network.dhcp, result.cmdline, lab_folder / "cloud")
        assert judged.pop("user-data").startswith("#cloud-config\nfqdn: node1.example.net\n# worker LAB-1 ")
        uuid = "00112233-4455-6677-8899-aabbccddeeff"
        assert judged == {"found": True, "instance": uuid, "hostname": "node1", "vendor-data": ""}
