"""``pixiecore config``: every setting, its value and its source; secrets stay hidden."""

from __future__ import annotations

import json
import re
import sys
import tomllib
from pathlib import Path

import pytest

from tests.cli import plugins
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


EVERYTHING = """
import ipaddress, re
from datetime import timedelta
from enum import Enum
from pathlib import Path
from pydantic import BaseModel, Field, SecretStr
from pixiecore_core import Duration, FileRef, hookimpl

class Colour(Enum):
    RED = "red"

class Inner(BaseModel):
    name: str
    numbers: list[int] = []

class Everything:
    name = "everything"

    class Settings(BaseModel):
        text: str = ""
        quoted: str = ""
        path: Path = Path("/x")
        number: float = 0
        colour: Colour | None = None
        patience: Duration = Duration("5s")
        delta: timedelta = timedelta(0)
        address: ipaddress.IPv6Address | None = None
        several: set[int] = set()
        inner: Inner | None = None
        inners: list[Inner] = []
        table: dict[str, str] = {}
        pinned: FileRef | None = None
        nothing: int | None = 5
        password: str = "default"
        login: str = ""
        plain: SecretStr = SecretStr("default")

    def __init__(self, settings):
        self.settings = settings

@hookimpl
def register_policies(register):
    register(Everything)
"""
GIVEN = r"""
[plugin.everything]
text = "line\n \u007f \u0001 \\ \" é 🐍"
quoted = '''it's "so"'''
path = "relative/path"
number = 1e300
colour = "red"
patience = 0.25
delta = 90
address = "2001:DB8::1"
several = [3, 1, 2]
inner = { name = "a.b" }
inners = [{ name = "x", numbers = [1, 2] }, { name = "y" }]
table = { "a b" = "c", "é" = "d" }
"""


def read_back(folder: Path, *arguments: str, **environment: str) -> tuple[str, str]:
    """What ``config`` prints, and what it prints of that; without the sources, which differ."""
    first = pixiecore("config", *arguments, **environment)
    assert first.returncode == 0, first.stderr
    (folder / "printed.toml").write_text(first.stdout, encoding="utf-8")
    second = pixiecore("config", "--config", str(folder / "printed.toml"))
    assert second.returncode == 0, second.stderr
    return first.stdout, second.stdout


def active(text: str) -> list[str]:
    """The lines that are no comments, without their own."""
    lines = [line.rpartition("  # ")[0].rstrip() or line for line in text.splitlines() if not line.startswith("#")]
    return [line for line in lines if line]


def test_what_is_printed_is_read_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plugins.install(tmp_path, "everything", EVERYTHING)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    kernel = tmp_path / "vmlinuz"
    kernel.write_bytes(b"kernel")
    config = tmp_path / "pixiecore.toml"
    config.write_text(
        f'[server]\nbooter = "static"\ndhcp = "off"\npxe = 4012\ncache_size = "1TiB"\nhook_timeout = 5\n'
        f'disable_plugin = "once"\n[booter.static]\nkernel = "{kernel}#sha256={"ab" * 32}"\n{GIVEN}'
        f'pinned = {{ location = "http://h/x", sha256 = "{"cd" * 32}" }}\n',
        encoding="utf-8",
    )
    options = ["--http", "192.0.2.1:81", "--interface", "eth0", "--interface", "eth1", "--url-lifetime", "90"]
    environment = {"PIXIECORE_ALLOWLIST_ALLOW": "52:54:00, 192.0.2.0/24", "PIXIECORE_NO_CACHE": "true"}
    first, second = read_back(tmp_path, "--config", str(config), *options, **environment)
    assert active(first) == active(second)
    tables = tomllib.loads(first)
    assert tables["server"] == {
        "booter": "static",
        "disable_plugin": ["once"],
        "cache_size": 1 << 40,
        "interface": ["eth0", "eth1"],
        "dhcp": "off",
        "pxe": 4012,
        "http": "192.0.2.1:81",
        "no_cache": True,
        "url_lifetime": "1m30s",
        "hook_timeout": "5s",
    }
    assert tables["booter"] == {"static": {"kernel": f"{kernel}#sha256={'ab' * 32}"}}
    given = tomllib.loads(GIVEN)["plugin"]["everything"]
    changed = {"patience": "250ms", "delta": "PT1M30S", "address": "2001:db8::1", "several": [1, 2, 3]}
    assert tables["plugin"]["everything"] == {
        **given,
        **changed,
        "pinned": {"location": "http://h/x", "sha256": "cd" * 32},
    }
    assert tables["plugin"]["allowlist"] == {"allow": ["52:54:00", "192.0.2.0/24"]}


def test_secrets_and_defaults_are_not_read_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the file would set every password to "(hidden)", and every default as if somebody had wanted it."""
    plugins.install(tmp_path, "everything", EVERYTHING)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    secrets = {
        "PIXIECORE_EVERYTHING_PASSWORD": "hunter2",
        "PIXIECORE_EVERYTHING_PLAIN": "hunter2",
        "PIXIECORE_EVERYTHING_LOGIN": "http://me:hunter2@h/",
    }
    first, second = read_back(tmp_path, **secrets)
    assert "hunter2" not in first
    assert tomllib.loads(first) == {
        "server": {},
        "plugin": {"allowlist": {}, "everything": {}, "once": {}},
    }
    hidden = "; hidden here, and so not read back"
    assert {
        f'# password = "(hidden)" # PIXIECORE_EVERYTHING_PASSWORD{hidden}',
        f'# login = "http://me:…@h/" # PIXIECORE_EVERYTHING_LOGIN{hidden}',
        "# nothing = 5 # default",
        "# key_file is not set # default",
    } <= {" ".join(line.split()) for line in first.splitlines()}
    assert active(second) == active(first)


def test_a_template_explains_every_setting_and_sets_none(tmp_path: Path) -> None:
    text = pixiecore("config", "--template").stdout
    tables = tomllib.loads(text)
    assert tables == {
        "server": {},
        "booter": {"api": {}, "inventory": {}, "quick": {}, "static": {}},
        "plugin": {"allowlist": {}, "once": {}},
    }
    told = pixiecore("config", "--json")
    known = json.loads(told.stdout)["server"]
    settings = tomllib.loads(re.sub(r"^#(\w+ = )", r"\1", text, flags=re.MULTILINE))
    assert settings["server"].keys() - {"booter"} == known.keys()
    assert settings["server"]["tftp_windowsize"] == 64
    assert settings["booter"]["static"].keys() >= {"kernel", "initrd", "cmdline"}
    for line, before in zip(text.splitlines()[1:], text.splitlines(), strict=False):
        if re.match(r"#\w+ = ", line):
            assert before.startswith("# "), f"{line} is explained"
    file = tmp_path / "pixiecore.toml"
    file.write_text(text)
    assert pixiecore("config", "--config", str(file), "--json").stdout == told.stdout
