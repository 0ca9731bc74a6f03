"""`pixiecore boot`, as the users of the Go Pixiecore type it."""

from __future__ import annotations

import subprocess
import sys


def boot(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-m", "pixiecore_core", "boot", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def test_options_of_the_go_tool_without_a_meaning_are_taken_and_not_shown() -> None:
    high_ports = ("--dhcp", "0", "--pxe", "0", "--tftp", "0", "--http", "0")
    done = boot("/nonexistent", "--status-port", "0", "--ui-assets-dir=/usr/share/ui", *high_ports)
    assert done.returncode == 2
    assert done.stderr == "Error: KERNEL: /nonexistent cannot be read: No such file or directory\n"
    text = boot("--help").stdout
    assert "status-port" not in text
    assert "ui-assets-dir" not in text
