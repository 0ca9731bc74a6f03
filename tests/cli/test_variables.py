"""Environment variables that nobody reads are told, by every command that reads settings, and end nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.command import pixiecore
from tests.processes import HIGH_PORTS, read_until, serving

NEAR = "PIXIECORE_ALLOWLIST_UNLISTD"
TOLD = (
    "PIXIECORE_ALLOWLIST_UNLISTD: there is no setting 'PIXIECORE_ALLOWLIST_UNLISTD'; "
    "did you mean 'PIXIECORE_ALLOWLIST_UNLISTED'?"
)


def test_a_server_tells_of_them_in_its_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "vmlinuz").write_bytes(b"kernel")
    monkeypatch.setenv(NEAR, "1")
    with serving("boot", str(tmp_path / "vmlinuz"), *HIGH_PORTS) as process:
        assert f"[Init] warning: {TOLD}" in read_until(process, "Ready")


@pytest.mark.parametrize("command", [["config"], ["select", "--mac", "52:54:00:12:34:56"]])
def test_commands_that_only_read_settings_tell_of_them(command: list[str], tmp_path: Path) -> None:
    (tmp_path / "vmlinuz").write_bytes(b"kernel")
    done = pixiecore(*command, "--booter", "static", "--kernel", str(tmp_path / "vmlinuz"), **{NEAR: "1"})
    assert done.returncode == 0, done.stderr
    assert done.stderr == f"Warning: {TOLD}\n"


def test_what_somebody_reads_is_not_told(tmp_path: Path) -> None:
    (tmp_path / "vmlinuz").write_bytes(b"kernel")
    read = {
        "PIXIECORE_PORT": "80",
        "PIXIECORE_CONFIG": "/dev/null",
        "PIXIECORE_BOOTER": "static",
        "PIXIECORE_STATIC_KERNEL": str(tmp_path / "vmlinuz"),
        "PIXIECORE_API_URL": "http://h/",
        "PIXIECORE_ALLOWLIST_DATABASE": "/d",
        "PIXIECORE_ONCE_ANYTHING": "of a disabled plugin",
        "PIXIECORE_XYZZY": "of a disabled plugin, perhaps",
        "_PIXIECORE_COMPLETE": "",
        "PIXIECORE": "1",
    }
    assert pixiecore("config", **read, PIXIECORE_DISABLE_PLUGIN="once").stderr == ""
    told = pixiecore("config", "--once-unknown", "ignore", **read).stderr.splitlines()
    assert told[-1] == (
        "Warning: PIXIECORE_XYZZY: there is no setting 'PIXIECORE_XYZZY', and nothing reads it; see: pixiecore config"
    )
