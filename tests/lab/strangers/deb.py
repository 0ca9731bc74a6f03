"""`python -m tests.lab.strangers.deb SUITE PACKAGE [EARLIER]`: the Debian package, as somebody new to it uses it.

In a fresh system of the release: installed from a file, configured by three lines, started by systemd; a machine with
real firmware boots from it. With an earlier package that one comes first, and after the upgrade another machine boots
by its key, state and cache. Then it is removed and purged, and nothing of it may be left.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import secrets
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from tests.lab.artefacts import new_folder
from tests.lab.boot import boot
from tests.lab.machines import MAC, MACHINES, Machine
from tests.lab.neighbour import start_neighbour
from tests.lab.network import NEIGHBOUR_ADDRESS, Network, Process
from tests.lab.payload import Payload, payload
from tests.lab.server import Errand

from .system import System

UNIT = "pixiecore.service"
SETTINGS = "etc/pixiecore/pixiecore.toml"
THREE_LINES = {
    "server": 'booter = "inventory"',
    "booter.inventory": 'folder = "/srv/boot"',
    "plugin.once": "enabled = true",
}
"""By table. The settings file has each as a comment with its default."""
OTHER = replace(MACHINES["ovmf-x64-pxe"], mac="52:54:00:12:34:57")
_OTHERS = (
    *("var/lib/dpkg", "var/lib/apt", "var/log", "var/cache", "var/lib/systemd"),
    *("etc/ssl/certs", "etc/ca-certificates.conf", "usr/local/share/ca-certificates"),
    *("etc/.updated", "var/.updated", "etc/hosts", "run", "tmp", "proc", "sys", "dev"),
)
"""What apt, the system and scripts of other packages keep."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("suite")
    parser.add_argument("package", type=Path)
    parser.add_argument("earlier", type=Path, nargs="?")
    chosen = parser.parse_args()
    folder = new_folder(f"stranger-deb-{chosen.suite}")
    with tempfile.TemporaryDirectory() as root:
        system = System.make(chosen.suite, Path(root, "root"), ("systemd", "systemd-sysv"))
        before = _files(system.root)
        with Network() as network:
            try:
                _walk(system, network, folder, chosen.package, chosen.earlier)
            except Exception:
                (folder / "journal.log").write_text(system.run("journalctl", "--no-pager"))
                raise
        left = sorted(_files(system.root) - before) + sorted(Path(root, "root/var/cache").glob("pixiecore*"))
    assert not left, f"left behind: {left[:20]}"
    shutil.rmtree(folder)
    say(f"{chosen.suite}: installed, configured, started, booted from, removed and purged; nothing is left")
    return 0


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _walk(system: System, network: Network, folder: Path, package: Path, earlier: Path | None) -> None:
    parts = payload("x86_64")
    errand = Errand(folder / "errand.txt", secrets.token_hex(4))
    errand.file.write_text(secrets.token_hex(150_000))  # an inventory's files are templates
    start_neighbour(network, folder)
    system.start(network, network.srv, folder / "systemd.log")
    system.install(earlier or package)
    assert system.run("systemctl", "show", "--property=ActiveState,UnitFileState", UNIT).split() == [
        "ActiveState=inactive",
        "UnitFileState=disabled",
    ], "it starts before anybody has said what to boot"
    upstream = _configure(system, network, folder, parts, errand)
    journal = system.follow(network, UNIT, folder / "server.log")
    system.run("systemctl", "enable", "--now", UNIT)
    _expect_confined(system)
    _boot(MACHINES["seabios-ipxe-virtio"], network, folder, errand)
    if earlier:
        key = _state(system, "url.key")
        upstream.stop()
        system.install(package)
        journal.wait_for("Ready", timeout=20)
        assert system.run("systemctl", "is-active", UNIT).strip() == "active"
        assert _state(system, "url.key") == key
        assert MAC in system.run("pixiecore", "once", "list")
        assert 'booter = "inventory"' in (system.root / SETTINGS).read_text()
        _boot(OTHER, network, folder, errand)  # its kernel can only come from the cache
        say("upgraded while it ran: settings, key, state and cache are kept")
    _expect_confined(system)
    system.run("systemctl", "reload", UNIT)
    for page in ("pixiecore", "pixiecore-boot", "pixiecore-once-arm"):
        assert (system.root / f"usr/share/man/man1/{page}.1.gz").exists()
    system.run("systemd-analyze", "verify", "--man=no", UNIT)
    # Exposure by systemd's measure, of 100; the threshold makes more an error.
    say(system.run("systemd-analyze", "security", "--no-pager", "--threshold=30", UNIT).splitlines()[-1].lstrip("→ "))
    system.run("systemctl", "stop", UNIT)
    assert system.run("systemctl", "show", "--property=Result", "--value", UNIT).strip() == "success"
    system.run("systemctl", "start", UNIT)
    system.run("dpkg", "--remove", "pixiecore")
    assert _state(system, "url.key")
    assert (system.root / SETTINGS).exists()
    assert not system.run("systemctl", "show", "--property=MainPID", "--value", UNIT).strip().strip("0")
    shutil.rmtree(system.root / "srv/boot")
    system.apt("purge", "pixiecore")
    system.apt("autoremove", "--purge")
    assert "pixiecore" not in (system.root / "etc/passwd").read_text() + (system.root / "etc/group").read_text()


def _configure(system: System, network: Network, folder: Path, parts: Payload, errand: Errand) -> Process:
    """Three lines of settings, and an inventory whose kernel is on another web server; that server."""
    shared = folder / "upstream"
    shared.mkdir()
    urls = {}
    for name, file in (("kernel", parts.kernel), ("initrd", parts.initrd)):
        shutil.copyfile(file, shared / name)
        urls[name] = f"http://{NEIGHBOUR_ADDRESS}:8000/{name}#sha256={hashlib.sha256(file.read_bytes()).hexdigest()}"
    argv = [sys.executable, "-m", "http.server", "--bind", NEIGHBOUR_ADDRESS, "--directory", shared, "8000"]
    upstream = network.run_in(network.dhcp, argv, folder / "upstream.log")
    inventory = system.root / "srv/boot"
    inventory.mkdir()
    shutil.copyfile(errand.file, inventory / "errand.txt")
    cmdline = errand.cmdline.replace(str(errand.file), "errand.txt")
    (inventory / "all.yaml").write_text(
        f"profiles:\n  linux:\n    kernel: {urls['kernel']}\n    initrd: {urls['initrd']}\n    cmdline: '{cmdline}'\n"
        "    files: {errand.txt: errand.txt}\n"
        "default: linux\n"
    )
    settings = system.root / SETTINGS
    text = settings.read_text()
    for table, line in THREE_LINES.items():
        name = line.partition(" ")[0]
        text, count = re.subn(rf"(?ms)(^\[{table}\]\n.*?^)#{name} = [^\n]*", rf"\g<1>{line}", text, count=1)
        assert count, f"{SETTINGS} does not explain {name} in [{table}]"
    settings.write_text(text)
    return upstream


def _boot(machine: Machine, network: Network, folder: Path, errand: Errand) -> None:
    inside = folder / machine.name
    inside.mkdir()
    result = boot(machine, network, inside)
    errand.check(machine, result)
    say(f"{machine.name}: Linux in {result.seconds:.1f} s")


def _expect_confined(system: System) -> None:
    """Its ports taken, the service has a user of its own and no capability."""
    status = system.status(UNIT)
    uid = system.run("id", "-u", "pixiecore").strip()
    assert set(status["Uid"].split()) == {uid} != {"0"}
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == int(status["CapAmb"], 16) == 0
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"


def _state(system: System, name: str) -> bytes:
    return (system.root / "var/lib/pixiecore" / name).read_bytes()


def _files(root: Path) -> set[str]:
    """Every file but those of other packages, and what systems write down about all of them."""
    owned = {line for file in root.glob("var/lib/dpkg/info/*.list") for line in file.read_text().splitlines()}
    names = (path.relative_to(root).as_posix() for path in root.rglob("*"))
    return {name for name in names if f"/{name}" not in owned and not name.startswith(_OTHERS)}


if __name__ == "__main__":
    sys.exit(main())
