"""The one way in: which sections there are, and that every mistake in them is told, each once."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel

from pixiecore_core.errors import ConfigError, ConfigErrors
from pixiecore_core.settings.configuration import Configuration, Given, Known
from pixiecore_core.settings.file import SettingsFile
from pixiecore_core.settings.mistakes import together
from pixiecore_core.settings.server import CacheSettings, ServerSettings


class Booter(BaseModel):
    kernel: str
    count: int = 1


class Policy(BaseModel):
    words: list[str] = []


KNOWN = Known(booters={"a": Booter, "b": Booter}, policies={"p-q": Policy}, disabled={"gone"})


def settings_file(folder: Path, text: str) -> SettingsFile:
    (folder / "x.toml").write_text(text)
    return SettingsFile.read(folder / "x.toml")


def told(error: ConfigError) -> list[str]:
    return [one.option for one in getattr(error, "mistakes", (error,))]


def test_each_layer_wins_over_those_below(tmp_path: Path) -> None:
    file = settings_file(
        tmp_path,
        '[server]\nport = 1\nbooter = "a"\n[booter.a]\nkernel = "file"\ncount = 2\n[plugin.p-q]\nwords = "one"\n',
    )
    environment = {"PIXIECORE_PORT": "2", "PIXIECORE_A_KERNEL": "environment", "PIXIECORE_A_COUNT": ""}
    given = Given(server={"port": "3"})
    settled = Configuration(KNOWN, file, environment, given, "a").settle()
    assert settled.server.port == 3
    assert settled.booter == Booter(kernel="environment", count=2)
    assert settled.policies == {"p-q": Policy(words=["one"])}
    environment["PIXIECORE_P_Q_WORDS"] = "two, three"
    settled = Configuration(KNOWN, file, environment, given).settle()
    assert settled.booter is None
    assert settled.policies == {"p-q": Policy(words=["two", "three"])}


def test_every_mistake_is_told_once(tmp_path: Path) -> None:
    file = settings_file(
        tmp_path,
        "[server]\nprot = 1\n[booter.a]\ncuont = 1\n[booter.b]\nx = 1\n[booter.c]\n[booter.gone]\n"
        "[plugin.p-q]\nwords = 1\n",
    )
    with pytest.raises(ConfigErrors) as caught:
        Configuration(KNOWN, file, {"PIXIECORE_PORT": "x"}, Given(arguments={"kernel": "KERNEL"}), "a").settle()
    assert sorted(told(caught.value)) == [
        "KERNEL",
        "PIXIECORE_PORT",
        "[booter.a] cuont",
        "[booter.b] x",
        "[booter.c]",
        "[plugin.p-q] words",
        "[server] prot",
    ]
    lines = str(caught.value).splitlines()
    assert len(lines) == 7
    assert "[booter.c]: there is no booter 'c'; known are a, b, gone" in lines


def test_what_follows_from_a_misspelt_key_is_not_told_too(tmp_path: Path) -> None:
    file = settings_file(tmp_path, '[booter.a]\nkernl = "/k"\n')
    with pytest.raises(ConfigError) as caught:
        Configuration(KNOWN, file, {}, booter="a").settle()
    assert told(caught.value) == ["[booter.a] kernl"]


def test_a_part_looks_at_its_own_values_only(tmp_path: Path) -> None:
    file = settings_file(tmp_path, '[server]\ncache_size = "1k"\nport = "x"\nplugin_order = "p"\n')
    config = Configuration(KNOWN, file, {"PIXIECORE_DHCP": "x", "PIXIECORE_CACHE_DIR": "/c"})
    assert config.part(CacheSettings) == CacheSettings(cache_dir=Path("/c"), cache_size="1k")
    assert config.part(ServerSettings, only=["plugin_order"]).plugin_order == ["p"]
    with pytest.raises(ConfigError, match=r"\[server\] port"):
        config.part(ServerSettings, only=["port"])


def test_one_mistake_is_an_error_like_any_other() -> None:
    one, other = ConfigError("a", "x"), ConfigError("b", "y")
    assert together([one, ConfigError("a", "x")]) is one
    both = together([together([one, other]), one])
    assert isinstance(both, ConfigErrors)
    assert (both.option, both.reason, both.mistakes) == ("a", "x", (one, other))


@pytest.mark.parametrize("value", ["5", "[5]", '["once", 5]', "{}"])
def test_disabled_plugins_are_names(tmp_path: Path, value: str) -> None:
    file = settings_file(tmp_path, f"[server]\ndisable_plugin = {value}\n")
    assert told(together(file.mistakes)) == ["[server] disable_plugin"]
