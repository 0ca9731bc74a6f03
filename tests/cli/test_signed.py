"""A server with a key for Secure Boot: what it serves by HTTP and TFTP, and the mistakes that it tells at the start."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from functools import partial
from pathlib import Path

import pytest

from pixiecore_core.cli import signed
from tests.command import failure, pixiecore
from tests.keys import pair
from tests.processes import HIGH_PORTS, serving
from tests.programs import program

MAC = "52:54:00:12:34:56"
NAME = f"{MAC}/uki-x64/linux.efi"


@pytest.fixture
def options(tmp_path: Path) -> list[str]:
    key, certificate = pair(tmp_path)
    (tmp_path / "vmlinuz").write_bytes(program(sections=[(".text", os.urandom(200_000))]))
    (tmp_path / "stub").write_bytes(program())
    return [
        *("boot", str(tmp_path / "vmlinuz"), *HIGH_PORTS),
        f"--cmdline=quiet seed={{{{ ID {str(tmp_path / 'vmlinuz')!r} }}}}".replace("'", '"'),
        f"--secureboot-key={key}",
        f"--secureboot-cert={certificate}",
        f"--uefi-stub-x64={tmp_path / 'stub'}",
        f"--cache-dir={tmp_path / 'cache'}",
        f"--key-file={tmp_path / 'url.key'}",
        *(("--user=root",) if os.geteuid() == 0 else ()),
    ]


def curl(*arguments: str) -> bytes:
    return subprocess.run(["curl", "-sS", *arguments], capture_output=True, check=True, timeout=30).stdout


@pytest.mark.parametrize("lifetime", [(), ("--url-lifetime=30m",)], ids=["for ever", "for a while"])
def test_by_http_and_tftp(options: list[str], tmp_path: Path, lifetime: tuple[str, ...]) -> None:
    with serving(*options, *lifetime) as server:
        assert server.stdout is not None
        line = next(line for line in server.stdout if "Ready" in line)
        ports = {name: int(port) for name, port in re.findall(r"(HTTP|TFTP) on port (\d+)", line)}
        url = f"http://127.0.0.1:{ports['HTTP']}/_/loader/{NAME}"
        whole = curl(url)
        heads = curl("--head", url).decode()
        assert f"Content-Length: {len(whole)}" in heads
        assert re.search(r'ETag: "[0-9a-f]{32}"', heads)
        assert curl("--range", "1000-1999", url) == whole[1000:2000]
        assert curl(f"tftp://127.0.0.1:{ports['TFTP']}/{NAME}") == whole
    assert len(list((tmp_path / "cache" / "bodies").iterdir())) == 1, "made once"
    (tmp_path / "signed.efi").write_bytes(whole)
    judge = ["osslsigncode", "verify", "-CAfile", tmp_path / "own.pem", "-in", tmp_path / "signed.efi"]
    assert subprocess.run(judge, capture_output=True, check=False).returncode == 0


def test_the_cache_says_what_it_is(options: list[str], tmp_path: Path) -> None:
    with serving(*options) as server:
        assert server.stdout is not None
        line = next(line for line in server.stdout if "Ready" in line)
        found = re.search(r"HTTP on port (\d+)", line)
        assert found
        curl(f"http://127.0.0.1:{found[1]}/_/loader/{NAME}")
    listed = pixiecore("cache", "ls", f"--cache-dir={tmp_path / 'cache'}")
    assert re.search(r" signed:[0-9a-f]{64}$", listed.stdout, re.MULTILINE), listed
    assert "sound    signed:" in pixiecore("cache", "verify", f"--cache-dir={tmp_path / 'cache'}").stdout


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--uefi-direct=never"], "--uefi-direct=never makes nothing"),
        (["--no-cache"], "signed files are kept in the cache, and there is none: leave out --no-cache"),
    ],
)
def test_what_cannot_be_together(options: list[str], more: list[str], words: str) -> None:
    message = failure(pixiecore(*options, *more), 2)
    assert f"--secureboot-key: {words}" in message or words in message


def test_no_signer(options: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    message = failure(pixiecore(*options), 2)
    assert "--secureboot-key: neither osslsigncode nor sbsign is installed: apt-get install osslsigncode" in message


def test_a_signer_that_does_not_work(options: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "osslsigncode"
    broken.write_text("#!/bin/sh\necho no smart card\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    message = failure(pixiecore(*options), 2)
    assert "--secureboot-key: cannot sign: osslsigncode ended with status 3: no smart card" in message


def test_another_signer_takes_the_place_of_one_that_does_not_work(
    options: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if shutil.which("sbsign") is None:
        pytest.skip("sbsign is not installed: tools/install-system-packages")
    broken = tmp_path / "osslsigncode"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with serving(*options) as server:
        assert server.stdout is not None
        lines: list[str] = []
        for line in server.stdout:
            lines.append(line)
            if "Ready" in line:
                break
    assert "osslsigncode ended with status 3: it said nothing; sbsign signs in its place" in "".join(lines)


def test_no_stub(options: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(signed, "find_loaders", partial(signed.find_loaders, stub_folders=()))
    without = [option for option in options if not option.startswith("--uefi-stub")]
    message = failure(pixiecore(*without, XDG_DATA_HOME=str(tmp_path)), 2)
    assert "signs what is made with an EFI stub, and there is none here" in message


def test_one_alone(options: list[str]) -> None:
    alone = [option for option in options if not option.startswith("--secureboot-cert")]
    assert "--secureboot-key: is of no use alone; give --secureboot-cert too" in failure(pixiecore(*alone), 2)
