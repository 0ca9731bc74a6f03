"""The plugin, beside a booter that boots everybody, in a netboot server in memory."""

from __future__ import annotations

from $package import $class_name

from pixiecore_core.testing import FixedBooter, Netboot

OURS, OTHER = "52:54:00:12:34:56", "00:11:22:33:44:55"


def server(**settings: str) -> Netboot:
    return Netboot(FixedBooter(), $class_name($class_name.Settings(**settings)))


def test_every_firmware_boots(firmware: int) -> None:
    boot = server().boot(OURS, firmware)
    assert boot is not None
    assert boot.cmdline == "quiet booted-by=$name"


def test_other_machines_are_refused_and_the_log_says_why() -> None:
    machines = server(prefix="52:54:00")
    assert machines.boot(OURS) is not None
    assert machines.boot(OTHER) is None
    assert "its MAC address does not begin with 52:54:00" in machines.log
