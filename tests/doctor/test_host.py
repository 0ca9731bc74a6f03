"""The host: clock, folders, interfaces, each with what is wrong arranged."""

from __future__ import annotations

import os
import subprocess
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from pixiecore_core.doctor import host
from pixiecore_core.net.interfaces import Interface

ANY = IPv4Address(0)
ETH0 = Interface(2, "eth0", (IPv4Address("192.0.2.2"),))


@pytest.mark.parametrize("now", [0.0, 1_600_000_000.0, 4_000_000_000.0])
def test_a_clock_that_cannot_be_right(now: float) -> None:
    found = host.check_clock(now)
    assert found.status == "broken"
    assert "timedatectl" in found.mend[0]
    assert host.check_clock(host.WRITTEN + 1).status == "ok"


def test_a_clock_of_1970_is_named() -> None:
    assert "it says 1970-01-01 00:00 UTC" in host.check_clock(0.0).what


def test_folders_that_will_do(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "not/yet/there"):
        assert host.check_folder("cache", "--cache-dir", folder, os.geteuid(), os.getgroups()).status == "ok"


def test_a_file_in_a_folders_place(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    found = host.check_folder("cache", "--cache-dir", tmp_path / "file/cache", os.geteuid(), ())
    assert (found.status, found.name) == ("broken", "cache-folder")
    assert "is no folder" in found.what


def test_a_folder_of_somebody_elses(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    found = host.check_folder("state", "--key-file", tmp_path, 54321, (54321,))
    assert found.status == "broken"
    assert found.what == f"user 54321 cannot write to {tmp_path}"
    tmp_path.chmod(0o777)
    assert host.check_folder("state", "--key-file", tmp_path, 54321, (54321,)).status == "ok"
    tmp_path.chmod(0o700)


@pytest.mark.netns
@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_a_disk_that_is_read_only(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; from pixiecore_core.doctor import host; "
        f"print(host.check_folder('cache', '--cache-dir', Path({str(tmp_path)!r}) / 'x', 0, ()).what)"
    )
    script = f'mount -t tmpfs -o ro none {tmp_path} && exec {os.sys.executable} -c "{code}"'  # type: ignore[attr-defined]
    done = subprocess.run(["unshare", "--mount", "sh", "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == f"{tmp_path}/x is on a disk that is read-only", done.stderr


def test_a_disk_with_little_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.statvfs(tmp_path)
    full = os.statvfs_result([*real[:3], 0, 0, *real[5:]])
    monkeypatch.setattr(os, "statvfs", lambda path: full)
    found = host.check_folder("cache", "--cache-dir", tmp_path, os.geteuid(), (), required=20_000_000_000)
    assert found.status == "warning"
    assert "has 0 MB left, and may take 20.0 GB" in found.what


def test_interfaces(tmp_path: Path) -> None:
    for name, carrier in (("eth0", "1"), ("eth1", "0"), ("eth2", "1")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "carrier").write_text(carrier)
    unplugged = Interface(3, "eth1", (IPv4Address("198.51.100.2"),))
    alone = Interface(4, "eth2", (IPv4Address("169.254.3.4"),))
    found = list(host.check_interfaces([ETH0, unplugged, alone], ["wan0", "eth2"], ANY, tmp_path))
    assert [one.status for one in found] == ["broken", "broken", "ok", "warning", "warning"]
    told = [one.what for one in found]
    assert told[0] == "there is no interface wan0; there are: eth0, eth1, eth2"
    assert told[1] == "interface eth2 has no IPv4 address"
    assert told[2] == "interface eth0 has 192.0.2.2"
    assert told[3] == "interface eth1 has no link"
    assert told[4] == "interface eth2 has only 169.254.3.4, which it gave itself"


def test_no_network_at_all(tmp_path: Path) -> None:
    (found,) = host.check_interfaces([], [], ANY, tmp_path)
    assert (found.status, found.what) == ("broken", "no interface has an address")
    (found,) = host.check_interfaces([], [], IPv4Address("192.0.2.9"), tmp_path)
    assert "192.0.2.9" in found.what
