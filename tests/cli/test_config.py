"""``pixiecore config``: every setting, its value and its source; secrets stay hidden."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.command import failure, pixiecore


def test_every_source_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = tmp_path / "vmlinuz"
    kernel.write_bytes(b"kernel")
    config = tmp_path / "pixiecore.toml"
    config.write_text(f'[server]\nbooter = "static"\ntftp = "192.0.2.1:6969"\n[booter.static]\nkernel = "{kernel}"\n')
    monkeypatch.setenv("PIXIECORE_PORT", "8080")
    done = pixiecore("config", "--config", str(config), "--interface", "eth0", "--once-unknown", "ignore")
    assert done.returncode == 0, done.stderr
    lines = {" ".join(line.split()) for line in done.stdout.splitlines()}
    assert {
        'booter = "static" # [server] booter',
        "port = 8080 # PIXIECORE_PORT",
        'interface = ["eth0"] # --interface',
        'tftp = "192.0.2.1:6969" # [server] tftp',
        "# dhcp = 67 # default",
        "# http is not set # default",
        f'kernel = "{kernel}" # [booter.static] kernel',
        'unknown = "ignore" # --once-unknown',
    } <= lines
    assert {"[server]", "[booter.static]", "[plugin.once]"} <= lines


def test_secrets_are_hidden() -> None:
    done = pixiecore("config", "--booter", "api", "--url", "http://me:hunter2@api.example/")
    assert done.returncode == 0, done.stderr
    assert "hunter2" not in done.stdout
    assert "http://me:…@api.example" in done.stdout


def test_mistakes_are_named(tmp_path: Path) -> None:
    config = tmp_path / "pixiecore.toml"
    config.write_text("[server]\nprot = 80\n")
    assert "[server] prot: there is no setting 'prot'; did you mean 'port'?" in failure(
        pixiecore("config", "--config", str(config)), 2
    )
    assert "--kernel: is needed" in failure(pixiecore("config", "--booter", "static"), 2)


def test_where_the_booter_was_named() -> None:
    kernel = sys.executable
    named = pixiecore("config", "--booter", "static", "--kernel", kernel, PIXIECORE_BOOTER="api").stdout
    assert '[server] booter = "static" # --booter' in " ".join(named.split())
    variable = pixiecore("config", "--kernel", kernel, PIXIECORE_BOOTER="static").stdout
    assert '[server] booter = "static" # PIXIECORE_BOOTER' in " ".join(variable.split())
