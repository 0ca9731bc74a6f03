"""Folders for the tests of this plugin."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Any

from pixiecore_inventory_booter import InventoryBooter, InventorySettings

MAC, OTHER = "52:54:00:12:34:56", "52:54:00:12:34:57"

INVENTORY = """
vars:
  domain: example.net
profiles:
  debian:
    kernel: vmlinuz
    initrd: initrd.img
    cmdline:
      - console=ttyS0
      - hostname={{ hostname }}
      - ds=nocloud;s={{ ID "/" }}
    message: Installing {{ hostname }}
    files:
      user-data: templates/user-data
machines:
  - name: node1
    mac: 52:54:00:12:34:56
    labels: {rack: a7}
    vars: {ip: 192.0.2.21}
  - name: node2
    serial: 0012
    vars: {ip: 192.0.2.22}
groups:
  - name: rack a
    match: {label: {rack: a*}}
    profile: debian
"""
USER_DATA = """#cloud-config
fqdn: {{ hostname }}.{{ domain }}
ip: {{ ip }}
"""


def write(folder: Path, files: dict[str, str]) -> Path:
    """Write files below *folder*."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), encoding="utf-8")
    return folder


def standard(folder: Path) -> Path:
    """The inventory above, complete."""
    files = {"vmlinuz": "kernel", "initrd.img": "initrd", "templates/user-data": USER_DATA}
    return write(folder, {"inventory.yaml": INVENTORY, **files})


def edit(folder: Path, old: str, new: str, name: str = "inventory.yaml") -> None:
    """Change a file of an inventory."""
    text = (folder / name).read_text(encoding="utf-8")
    assert old in text
    (folder / name).write_text(text.replace(old, new), encoding="utf-8")


def booter(folder: Path) -> Any:
    """A booter over *folder*."""
    return InventoryBooter(InventorySettings(folder=folder))
