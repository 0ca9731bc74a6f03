"""`pixiecore api` and `pixiecore run --booter api`, as their users type them."""

from __future__ import annotations

import re
import subprocess
import time
from pathlib import Path

import pytest

from tests.command import pixiecore
from tests.processes import HIGH_PORTS, PIXIECORE

from .servers import boots, serving


def test_every_setting_is_an_option_of_both_commands() -> None:
    texts = [pixiecore("api", "--help").stdout, pixiecore("run", "--booter", "api", "--help").stdout]
    for text in texts:
        for name in ("request-timeout", "version", "down", "ca", "cert", "key", "token-file"):
            assert f"--api-{name} " in text
        assert "--identity" in text
        assert "--file-root" in text
        assert "--dhcp-no-bind" in text
    assert "pixiecore api http://" in texts[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["api"], "Missing argument 'SERVER'"),
        (["api", "localhost:8080"], "SERVER: 'localhost:8080' must begin with http:// or https://"),
        (["api", "http://localhost", "--api-ca", "/nope"], "--api-ca: /nope cannot be read: No such file or directory"),
        (["api", "http://localhost", "--api-cert", "/nope"], "--api-cert: /nope cannot be read"),
        (["api", "http://localhost", "--api-key", "/etc/passwd"], "--api-key: belongs to a certificate; give it with"),
        (["api", "http://localhost", "--api-token-file", "/nope"], "--api-token-file: /nope cannot be read"),
        (["api", "http://localhost", "--file-root", "/nope"], "--file-root: /nope is not a folder"),
        (["api", "http://localhost", "--api-request-timeout", "x"], "--api-request-timeout: 'x' is not a duration"),
        (["api", "http://localhost", "--api-down", "x"], "--api-down: Input should be 'hold', 'hold-all' or 'ignore'"),
        (["run", "--booter", "api"], "--url: is needed; give it here, as PIXIECORE_API_URL or as url in [booter.api]"),
    ],
)
def test_mistakes_are_named_with_status_2(arguments: list[str], message: str) -> None:
    done = pixiecore(*arguments, *HIGH_PORTS)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_options_of_the_go_tool_without_a_meaning_are_taken_and_not_shown() -> None:
    done = pixiecore("api", "localhost:8080", "--status-port", "0", "--ui-assets-dir=/usr/share/ui", *HIGH_PORTS)
    assert done.returncode == 2
    assert done.stderr == "Error: SERVER: 'localhost:8080' must begin with http:// or https://\n"
    text = pixiecore("api", "--help").stdout
    assert "status-port" not in text
    assert "ui-assets-dir" not in text


def test_settings_come_from_environment_and_file(tmp_path: Path) -> None:
    config = tmp_path / "pixiecore.toml"
    config.write_text('[booter.api]\nurl = "http://localhost"\nfile_root = ["/from/file"]\n')
    run = ["run", "--booter", "api", "--config", str(config), *HIGH_PORTS]
    assert "[booter.api] file_root: /from/file is not a folder" in pixiecore(*run).stderr
    assert (
        "PIXIECORE_API_FILE_ROOT: /from/environment"
        in pixiecore(*run, PIXIECORE_API_FILE_ROOT="/from/environment").stderr
    )


def test_the_patched_process_asks_and_stops(tmp_path: Path) -> None:
    """Threads are greenlets there: a boot script over real HTTP, then a clean end on SIGTERM."""
    with serving(boots(kernel="/k", cmdline="quiet")) as api:
        log = tmp_path / "log"
        with log.open("w") as output:
            process = subprocess.Popen(
                [*PIXIECORE, "api", api.url, *HIGH_PORTS], stdout=output, stderr=subprocess.STDOUT, text=True
            )
        try:
            port = http_port(process, log)
            url = f"http://127.0.0.1:{port}/_/ipxe?mac=52:54:00:12:34:56&arch=x86_64&platform=efi&serial=S"
            done = subprocess.run(["curl", "-sS", url], capture_output=True, text=True, timeout=20, check=True)
        finally:
            process.terminate()
            status = process.wait(timeout=10)
    assert done.stdout.startswith("#!ipxe\nset step kernel\nkernel --name kernel http://127.0.0.1:")
    assert "\nboot kernel quiet || goto failed\n" in done.stdout
    assert api.asked[0].headers["X-Pixiecore-Serial"] == "S"
    assert status == 0
    assert "Traceback" not in log.read_text()


def http_port(process: subprocess.Popen[str], log: Path) -> str:
    give_up = time.monotonic() + 20
    while (found := re.search(r"HTTP on port (\d+)", log.read_text())) is None:
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < give_up
        time.sleep(0.02)
    return found[1]
