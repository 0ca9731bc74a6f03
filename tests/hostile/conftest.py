"""The wire of an attack: the lab's, with the server's only way out by the attacker, which hears all that leaves."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.lab.network import LINK, NEIGHBOUR_ADDRESS, Network, Process

PIXIECORE = Path(sys.executable).with_name("pixiecore")
LOADER_SIZE = 300_000
Serve = Callable[[Sequence[str]], Process]
"""Starts Pixiecore with further options, and waits until it is ready."""


@pytest.fixture
def wire() -> Iterator[Network]:
    """``srv`` is the server's; ``dhcp`` is the attacker's, and a router for the addresses of 10.0.0.0/8 that it has."""
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    with Network() as network:
        ip = ("ip", "-n", network.dhcp)
        for address in ("10.5.0.77/32", "10.9.0.77/32"):
            subprocess.run([*ip, "address", "add", address, "dev", LINK], check=True)
        subprocess.run(["ip", "-n", network.srv, "route", "add", "default", "via", NEIGHBOUR_ADDRESS], check=True)
        yield network


@pytest.fixture
def serve(wire: Network, tmp_path: Path) -> Serve:
    for name in ("vmlinuz", "undionly.kpxe"):
        (tmp_path / name).write_bytes(bytes(LOADER_SIZE))

    def start(options: Sequence[str]) -> Process:
        argv = [PIXIECORE, "boot", tmp_path / "vmlinuz", "--ipxe-bios", tmp_path / "undionly.kpxe", "--no-cache"]
        process = wire.run_in(
            wire.srv, [*argv, "--key-file", tmp_path / "url.key", *options], tmp_path / "pixiecore.log"
        )
        process.wait_for("Ready:", timeout=30)
        return process

    return start
