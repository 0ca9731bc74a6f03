"""What is loaded, and what is refused by name."""

from __future__ import annotations

from importlib.metadata import Distribution, EntryPoint
from pathlib import Path

import pytest
from pydantic import BaseModel

from pixiecore_core.errors import ConfigError
from pixiecore_core.plugins import installed
from pixiecore_core.plugins.installed import Booters, Policies, load


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, requires: str) -> None:
    """An installed plugin ``odd`` whose distribution has this requirement."""
    info = folder / "odd_plugin-1.dist-info"
    info.mkdir()
    requirement = f"Requires-Dist: {requires}\n" if requires else ""
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: odd-plugin\nVersion: 1\n{requirement}")
    (info / "entry_points.txt").write_text("[pixiecore]\nodd = json\n")
    (point,) = Distribution.at(info).entry_points
    monkeypatch.setattr(installed, "entry_points", lambda group: [point])
    assert isinstance(point, EntryPoint)


@pytest.mark.parametrize(
    "requires",
    ["", "pixiecore-core", "pixiecore_core>=0.2,<0.3", 'pixiecore-core<0.1; python_version < "3"', "other<0.1"],
)
def test_a_plugin_for_this_core_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, requires: str) -> None:
    install(tmp_path, monkeypatch, requires)
    (plugin,) = load()
    assert (plugin.name, plugin.distribution, plugin.version) == ("odd", "odd-plugin", "1")


def test_a_plugin_for_another_core_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch, "pixiecore-core>=7,<8")
    with pytest.raises(
        ConfigError, match=r"plugin 'odd' of odd-plugin 1: is for pixiecore-core <8,>=7, and this is 0\.2"
    ):
        load()
    assert load(disabled={"odd": "--disable-plugin"}) == []


@pytest.mark.parametrize(("registry", "kind"), [(Booters(), "booter"), (Policies(), "policy")])
def test_what_is_offered_needs_a_name_and_settings(registry: Booters | Policies, kind: str) -> None:
    good = type("Good", (), {"name": "good", "Settings": BaseModel})
    registry(good)
    with pytest.raises(ConfigError, match=f"{kind} 'good': two installed plugins offer it"):
        registry(good)
    for name in ("Rack", "rack_policy", "rack-", "1st", "", "a b"):
        with pytest.raises(ConfigError, match=f"{kind} '{name}': its name must be lower-case letters"):
            registry(type("Bad", (), {"name": name, "Settings": BaseModel}))
    registry(type("Dashed", (), {"name": "rack-policy2", "Settings": BaseModel}))
    for bad in (type("Bad", (), {"name": "bad"}), type("Bad", (), {"Settings": BaseModel})):
        with pytest.raises(ConfigError, match=r"Bad: needs '(name', a string|Settings', a pydantic model)"):
            registry(bad)


def test_a_requirement_that_cannot_be_read_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch, "pixiecore-core (>>0.1)")
    with pytest.raises(ConfigError, match=r"plugin 'odd' of odd-plugin 1: its requirement .* cannot be read"):
        load()
    assert load(disabled={"odd": "--disable-plugin"}) == []


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("core", "json", "plugin 'core': the name of its entry point is the server's own name; rename it"),
        ("Od d", "json", "plugin 'Od d': the name of its entry point must be lower-case letters"),
        ("odd", "fractions:Fraction.__class__.__class__", "names a class"),
        ("odd", "json:JSONEncoder", "its entry point 'json:JSONEncoder' names a class; name its module"),
    ],
)
def test_an_entry_point_that_can_be_no_plugin(monkeypatch: pytest.MonkeyPatch, name: str, value: str, why: str) -> None:
    monkeypatch.setattr(installed, "entry_points", lambda group: [EntryPoint(name, value, group)])
    with pytest.raises(ConfigError, match=why):
        load()
    assert load(disabled={name: "--disable-plugin"}) == []
