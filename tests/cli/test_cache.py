"""``pixiecore fetch``, ``pixiecore cache``, and what a server does with its cache folder and its key file."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import stat
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.command import failure, pixiecore
from tests.files.web import Page, Site
from tests.files.web import serving as upstream
from tests.processes import HIGH_PORTS, PIXIECORE, read_until, serving

DATA = os.urandom(200_000)
DIGEST = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def site() -> Iterator[Site]:
    with upstream() as site:
        site.put("/vmlinuz", Page(DATA, headers={"ETag": '"one"'}))
        yield site


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return f"--cache-dir={tmp_path / 'cache'}"


def http_port(lines: list[str]) -> str:
    found = re.search(r"HTTP on port (\d+)", lines[-1])
    assert found is not None, lines
    return found[1]


def kernel_url(port: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/_/ipxe?mac=52:54:00:12:34:56&arch=x86_64") as answer:
        found = re.search(r"^kernel .*http://[^/]+(/\S+)", answer.read().decode(), re.MULTILINE)
    assert found is not None
    return found[1]


def test_fetch_fills_the_cache_and_cache_shows_checks_and_empties_it(site: Site, folder: str, tmp_path: Path) -> None:
    url = site.base + "/vmlinuz"
    done = pixiecore("fetch", folder, url, f"{url}#sha256={DIGEST}")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{url}: 200.0 KB in the cache\n" * 2
    assert site.statuses() == [200]
    listed = pixiecore("cache", "ls", folder).stdout
    assert re.search(rf"200\.0 KB +\d{{4}}-\d\d-\d\d \d\d:\d\d +{DIGEST[:12]} +{re.escape(url)}\n1 files, ", listed)
    assert pixiecore("cache", "verify", folder).stdout == f"sound    {url}\n"
    (body,) = (tmp_path / "cache" / "bodies").iterdir()
    body.write_bytes(bytes(len(DATA)))
    damaged = pixiecore("cache", "verify", folder)
    assert (damaged.returncode, damaged.stdout) == (1, f"damaged  {url} (removed)\n")
    pixiecore("fetch", folder, url)
    assert "1 files, 200.0 KB freed" in pixiecore("cache", "prune", "--all", folder).stdout


def test_fetch_tells_what_went_wrong_and_fetches_the_rest(site: Site, folder: str) -> None:
    url = site.base + "/vmlinuz"
    done = pixiecore("fetch", folder, site.base + "/nope", f"{url}#sha256={'0' * 64}", url)
    message = failure(done, 1)
    assert "/nope: upstream says 404" in message
    assert f"has sha256 {DIGEST}, not 000" in message
    assert "200.0 KB in the cache" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("fetch", "/boot/vmlinuz"), "URL: '/boot/vmlinuz' is not an http(s) URL"),
        (("fetch", "vmlinuz"), "URL: 'vmlinuz' is neither"),
        (("fetch",), "Missing argument 'URL...'"),
        (("cache", "prune"), "say what to remove: --all, --to SIZE or --unused DAYS"),
        (("cache", "prune", "--to", "much"), "--to: 'much' is not a size such as 500M"),
        (("cache", "ls", "--cache-size", "0"), "--cache-size: "),
        (("cache", "ls", "--cache-size", "much"), "--cache-size: 'much' is not a size such as 500M, 20G or 1TiB"),
        (
            ("fetch", "http://h/x", "--cache-size", "5 apples"),
            "--cache-size: '5 apples' is not a size such as 500M, 20G or 1TiB",
        ),
        (("cache", "prune", "--unused", "nan"), "--unused: nan is not a number of days, such as 30 or 0.5"),
        (("cache", "prune", "--unused", "-1"), "--unused: -1 is not a number of days"),
        (("cache", "prune", "--unused", "inf"), "--unused: inf is not a number of days"),
        (("cache", "ls", "--cache-dir", "/dev/null/x"), "--cache-dir: there is no cache in /dev/null/x"),
        (("fetch", "http://h/x", "--cache-dir", "/dev/null/x"), "--cache-dir: /dev/null/x cannot be used"),
        (("fetch", "http://[::1/x"), "URL: 'http://[::1/x' has no host and port such as mirror.example:8080 or [2001:"),
        (("fetch", "http://h:abc/x"), "URL: 'http://h:abc/x' has no host and port such as"),
        (("fetch", "http://h:99999/x"), "URL: 'http://h:99999/x' has no host and port such as"),
        (("fetch", "http://h/x#SHA256=ab"), "URL: 'http://h/x#SHA256=ab': "),
    ],
)
def test_mistakes_are_named(arguments: tuple[str, ...], message: str) -> None:
    assert message in failure(pixiecore(*arguments), 2)


def test_what_is_larger_than_the_cache_is_not_downloaded(site: Site, folder: str, tmp_path: Path) -> None:
    site.put("/large", Page(bytes(2_000_000), pause=0.02))  # all of it would take 40 s
    done = pixiecore("fetch", folder, "--cache-size=1M", site.base + "/large")
    assert "/large has 2.0 MB, and the cache takes 1.0 MB: see --cache-size" in failure(done, 1)
    assert list((tmp_path / "cache" / "parts").iterdir()) == []


def test_what_upstream_does_not_let_us_keep_is_said_so(site: Site, folder: str) -> None:
    site.put("/secret", Page(DATA, headers={"Cache-Control": "no-store"}))
    done = pixiecore("fetch", folder, site.base + "/secret")
    assert "/secret was not kept: upstream forbids it (Cache-Control)" in failure(done, 1)


@pytest.mark.netns
@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_a_disk_without_room_is_said_so(site: Site, folder: str, tmp_path: Path) -> None:
    site.put("/large", Page(bytes(3_000_000)))
    site.put("/endless", Page(bytes(3_000_000), length=False))
    cache = tmp_path / "cache"
    cache.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", cache], check=True)
    try:
        for name in ("large", "endless"):
            message = failure(pixiecore("fetch", folder, site.base + f"/{name}"), 1)
            assert f"/{name} was not kept: the cache has no room for it" in message
    finally:
        subprocess.run(["umount", "--lazy", cache], check=True)  # its store is still open, in this process


def test_an_interrupted_fetch_ends_and_leaves_nothing(site: Site, folder: str, tmp_path: Path) -> None:
    site.put("/slow", Page(bytes(2_000_000), headers={"ETag": '"1"'}, pause=0.02))
    parts = tmp_path / "cache" / "parts"
    command = [*PIXIECORE, "fetch", folder, site.base + "/slow"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        give_up = time.monotonic() + 20
        while not (parts.is_dir() and any(part.stat().st_size for part in parts.iterdir())):
            assert time.monotonic() < give_up
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=10)
    assert (process.returncode, output, errors) == (130, "", "Stopped\n")
    assert list(parts.iterdir()) == []


def test_a_full_disk_behind_standard_output_is_named(site: Site, folder: str) -> None:
    url = site.base + "/vmlinuz"
    for command in (("fetch", folder, url), ("cache", "ls", folder), ("cache", "verify", folder)):
        with open("/dev/full", "w") as full:
            done = subprocess.run([*PIXIECORE, *command], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        assert done.returncode == 1
        assert done.stderr == "Error: standard output cannot be written: No space left on device\n"


def test_a_reader_who_leaves_ends_it_silently(site: Site, folder: str) -> None:
    pixiecore("fetch", folder, site.base + "/vmlinuz")
    reading, writing = os.pipe()
    os.close(reading)
    command = [*PIXIECORE, "cache", "ls", folder]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


COMMANDS = [("ls",), ("verify",), ("prune", "--all"), ("prune", "--unused", "0")]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_folder_that_is_no_cache_is_left_alone(command: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "bodies").mkdir()
    (tmp_path / "bodies" / ("0" * 32)).write_text("somebody's")
    (tmp_path / "entries").mkdir()
    before = sorted(tmp_path.rglob("*"))
    done = pixiecore("cache", *command, f"--cache-dir={tmp_path}")
    assert f"--cache-dir: there is no cache in {tmp_path}: it has no CACHEDIR.TAG" in failure(done, 2)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_cache_that_does_not_exist_yet_is_not_made(command: tuple[str, ...], tmp_path: Path) -> None:
    done = pixiecore("cache", *command, XDG_CACHE_HOME=str(tmp_path), CACHE_DIRECTORY="")
    assert done.stdout == f"0 files: there is no cache in {tmp_path}/pixiecore yet\n"
    assert done.returncode == 0
    assert list(tmp_path.iterdir()) == []


def test_a_cache_that_cannot_be_changed_is_a_stated_reason(site: Site, folder: str, tmp_path: Path) -> None:
    pixiecore("fetch", folder, site.base + "/vmlinuz")
    lock = tmp_path / "cache" / "lock"
    lock.unlink()
    lock.mkdir()
    message = failure(pixiecore("cache", "prune", "--all", folder), 1)
    assert message == f"Error: the cache cannot be used: {lock}: Is a directory\n"


def test_a_server_whose_named_folder_or_key_cannot_be_used_does_not_start(site: Site, tmp_path: Path) -> None:
    command = ("boot", site.base + "/vmlinuz", *HIGH_PORTS)
    assert "--cache-dir: /dev/null/x cannot be used" in failure(pixiecore(*command, "--cache-dir", "/dev/null/x"), 2)
    key = tmp_path / "key"
    key.write_text("not hex")
    assert f"--key-file: {key} does not hold a key" in failure(pixiecore(*command, f"--key-file={key}"), 2)
    assert "--key-file: /dev/null/key cannot be" in failure(pixiecore(*command, "--key-file=/dev/null/key"), 2)


def test_a_server_whose_default_folders_cannot_be_used_warns_and_serves(site: Site) -> None:
    with serving_with({"XDG_CACHE_HOME": "/dev/null", "XDG_STATE_HOME": "/dev/null"}, site) as lines:
        assert any("No cache, so every machine fetches for itself" in line for line in lines)
        assert any("will not survive a restart" in line for line in lines)
        port = http_port(lines)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{kernel_url(port)}") as answer:
            assert answer.read() == DATA


@contextmanager
def serving_with(environment: dict[str, str], site: Site) -> Iterator[list[str]]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        with serving("boot", site.base + "/vmlinuz", *HIGH_PORTS) as process:
            yield read_until(process, "Ready")


def _until(there: Callable[[], Iterator[Path]]) -> None:
    """Wait until a server has finished what its client has been given already."""
    give_up = time.monotonic() + 10
    while not any(there()):
        assert time.monotonic() < give_up
        time.sleep(0.02)


def test_a_url_survives_a_restart_and_works_at_a_second_instance(site: Site, tmp_path: Path) -> None:
    key = tmp_path / "keys" / "url.key"
    command = ("boot", site.base + "/vmlinuz", *HIGH_PORTS, f"--cache-dir={tmp_path / 'cache'}", f"--key-file={key}")
    with serving(*command) as first:
        path = kernel_url(http_port(read_until(first, "Ready")))
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    with serving(*command) as second, serving(*command) as third:
        for process in (second, third):
            port = http_port(read_until(process, "Ready"))
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}") as answer:
                assert answer.read() == DATA
            _until((tmp_path / "cache" / "entries").iterdir)
    assert site.statuses() == [200, 304]
    with serving(*command[:-1], f"--key-file={tmp_path / 'other.key'}") as stranger:
        port = http_port(read_until(stranger, "Ready"))
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"http://127.0.0.1:{port}{path}")
