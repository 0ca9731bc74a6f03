"""``explain``, ``status`` and ``capture`` against a real server, whose machines are simulated; and mistakes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.command import failure, pixiecore
from tests.processes import PIXIECORE
from tests.testing.machines.test_beside_pixiecore import serving, simulate

MAC, OTHER = "52:54:00:00:00:01", "52:54:00:00:00:02"


class Server:
    """A server, and how to ask it."""

    def __init__(self, folder: Path, to: list[str]) -> None:
        self.folder = folder
        self.to = to
        self.frames = folder / "frames.pcap"
        """Its first machine's last frames; the others asked from the same address later."""
        self.said = ""
        ready = (folder / "log").read_text()
        self.url = f"http://127.0.0.1:{ready.partition('HTTP on port ')[2].partition(',')[0]}"

    def ask(self, *arguments: str) -> str:
        done = subprocess.run(
            [*PIXIECORE, *arguments, "--server", self.url], capture_output=True, text=True, timeout=30, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def document(self, *arguments: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.ask(*arguments, "--json"))
        return found


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("explained")
    with serving(folder, "--no-history") as to:
        made = Server(folder, to)
        assert simulate("uefi-x64", *to, "--mac", MAC).returncode == 0
        made.said = made.ask("capture", MAC, "--output", str(made.frames))
        yield made


def test_a_boot_that_went_well_takes_three_lines(server: Server) -> None:
    lines = server.ask("explain", MAC).splitlines()
    assert len(lines) == 3
    assert lines[0].startswith(f"{MAC} started its kernel")
    assert "UEFI x86_64" in lines[1]
    assert "--all" in lines[2]
    timeline = server.ask("explain", "--last", "--all")
    assert "[DHCP] Offering to boot" in timeline
    assert "has everything and starts its kernel" in timeline


def test_a_machine_that_never_asked_has_its_reasons(server: Server) -> None:
    text = server.ask("explain", OTHER)
    assert text.startswith(f"{OTHER} has not been heard of.")
    assert "(no-request)" in text
    assert "PortFast" in text
    assert "must lead to" in text


def test_a_machine_that_vanished_is_explained(server: Server) -> None:
    mac = "52:54:00:00:00:03"
    assert simulate("uefi-x64", *server.to, "--mac", mac, "--vanish", "kernel", "--expect", "vanished").returncode == 0
    found = server.document("status", mac)
    # The whole kernel was in the sockets' buffers already when its connection broke, or it was not.
    assert found["state"] in ("under way", "failed")
    assert found["architecture"] == "UEFI x86_64"


def test_machines_in_a_table_and_as_json(server: Server) -> None:
    text = server.ask("status")
    assert text.splitlines()[0].split()[:2] == ["machine", "state"], text
    assert MAC in text
    found = server.document("status")
    assert MAC in [one["mac"] for one in found["machines"]]
    assert found["known"] == len(found["machines"])


def test_a_machines_last_frames_explain_it_as_well(server: Server) -> None:
    file = server.frames
    assert "its tokens and passwords are blanked" in server.said
    decoded = subprocess.run(["tshark", "-r", file, "-Y", "http"], capture_output=True, text=True, check=True).stdout
    assert "GET /_/ipxe?" in decoded
    done = pixiecore("explain", str(file), "--mac", MAC, "--all")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{MAC} started its kernel")
    assert "Sent boot script" in done.stdout


def test_a_capture_that_is_cut_off_is_told_so_with_what_there_was(server: Server, tmp_path: Path) -> None:
    cut = tmp_path / "cut.pcap"
    cut.write_bytes(server.frames.read_bytes()[:-10])
    done = pixiecore("explain", str(cut), "--all")
    assert done.returncode == 1
    assert f"{MAC} " in done.stdout
    assert "cut off after" in done.stderr


def test_a_file_that_is_no_capture(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("dear diary\n")
    assert "neither a pcap nor a pcapng file" in failure(pixiecore("explain", str(file)), 1)


def test_a_server_that_shows_nothing(tmp_path: Path) -> None:
    with serving(tmp_path, "--no-history", "--status", "off") as to:
        made = Server(tmp_path, to)
        message = failure(pixiecore("explain", MAC, "--server", made.url), 1)
    assert "shows nothing of its machines: it was started with --status off" in message


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["explain"], 2, "Give a machine's MAC address, --last"),
        (["explain", MAC, "--last"], 2, "Give a machine's MAC address, --last"),
        (["explain", "rubbish"], 2, "MAC|FILE: 'rubbish' is not a MAC address"),
        (["explain", "/nonexistent.pcap"], 2, "FILE: /nonexistent.pcap cannot be read"),
        (["explain", MAC, "--mac", MAC], 2, "--mac is for captures"),
        (["explain", MAC, "--server", "ftp://x"], 2, "--server: 'ftp://x' is not the URL of a server"),
        (["explain", MAC, "--server", "http://127.0.0.1:1"], 1, "no server answers at http://127.0.0.1:1"),
        (["status", "rubbish"], 2, "MAC: 'rubbish' is not a MAC address"),
        (["status", "--watch", "--json"], 2, "--watch is for people, --json for programs"),
        (["capture", "rubbish"], 2, "MAC: 'rubbish' is not a MAC address"),
        (["capture", MAC, "--server", "http://127.0.0.1:1"], 1, "no server answers"),
    ],
)
def test_mistakes(arguments: list[str], status: int, message: str) -> None:
    assert message in failure(pixiecore(*arguments), status)


def test_settings_say_where_the_server_is(tmp_path: Path) -> None:
    config = tmp_path / "pixiecore.toml"
    config.write_text("[server]\nport = 1\n")
    assert "no server answers at http://127.0.0.1:1" in failure(pixiecore("explain", MAC, "--config", str(config)), 1)
    config.write_text('[server]\nstatus = "off"\n')
    assert "nobody can be asked: the server's settings say --status off" in failure(
        pixiecore("status", "--config", str(config)), 1
    )
