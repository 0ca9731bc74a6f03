"""``pixiecore new-plugin``: what it writes passes its own tests and can be installed."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.command import failure, pixiecore
from tests.docs.pages import install

MAC = "00:11:22:33:44:55"


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment that has the written plugin ``rack-policy``; a file that does for a kernel."""
    assert pixiecore("new-plugin", "rack-policy", "--in", str(tmp_path)).returncode == 0
    folder = tmp_path / "pixiecore-rack-policy"
    install({"pyproject.toml": (folder / "pyproject.toml").read_text()}, folder)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    kernel = tmp_path / "vmlinuz"
    kernel.touch()
    return kernel


@pytest.mark.parametrize("command", ["run", "boot", "config", "select"])
def test_its_setting_is_an_option_where_it_is_installed(installed: Path, command: str) -> None:
    done = pixiecore(command, "--help")
    assert done.returncode == 0, done.stderr
    assert "--rack-policy-prefix PREFIX" in done.stdout


def test_its_setting_comes_from_every_source(installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "pixiecore.toml"
    config.write_text('[plugin.rack-policy]\nprefix = "52:54:00"\n')
    select = ["select", "--booter", "static", "--kernel", str(installed), "--mac", MAC]
    refused = "It does not boot: its MAC address does not begin with"
    assert pixiecore(*select).returncode == 0
    for given, variable, source in (
        (["--config", str(config)], "", "[plugin.rack-policy] prefix"),
        ([], "52:54:00", "PIXIECORE_RACK_POLICY_PREFIX"),
        (["--rack-policy-prefix", "52:54:00"], "", "--rack-policy-prefix"),
    ):
        monkeypatch.setenv("PIXIECORE_RACK_POLICY_PREFIX", variable)
        done = pixiecore(*select, *given)
        assert done.returncode == 1, done.stderr
        assert f"{refused} 52:54:00" in done.stdout
        shown = pixiecore("config", *given)
        assert shown.returncode == 0, shown.stderr
        assert f'prefix = "52:54:00" # {source}' in {" ".join(line.split()) for line in shown.stdout.splitlines()}


@pytest.mark.parametrize("kind", ["policy", "booter", "notifier", "page"])
def test_what_it_writes_passes_its_own_tests(tmp_path: Path, kind: str) -> None:
    # As in a clone of Pixiecore, whose settings are for more than a plugin's author has installed.
    (tmp_path / "pyproject.toml").write_text('[tool.pytest.ini_options]\naddopts = "--strict-config"\nunheard-of = 1\n')
    done = pixiecore("new-plugin", "rack-mine", "--kind", kind, "--in", str(tmp_path))
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "pixiecore-rack-mine"
    command = [sys.executable, "-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)]
    environment = os.environ | {"PYTHONPATH": str(folder)}
    tested = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=environment)
    assert tested.returncode == 0, tested.stdout + tested.stderr
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    assert project["name"] == "pixiecore-rack-mine"
    assert project["entry-points"]["pixiecore"] == {"rack-mine": "pixiecore_rack_mine"}
    assert project["dependencies"][0] == "pixiecore-core>=0.2,<0.3"
    readme = (folder / "README.md").read_text()
    assert "$" not in readme
    assert f"`[{'booter' if kind == 'booter' else 'plugin'}.rack-mine]`" in readme
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", str(folder / "pixiecore_rack_mine")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize(
    ("name", "class_name"), [("none", "NonePolicy"), ("ignore", "IgnorePolicy"), ("rack-policy", "RackPolicy")]
)
def test_its_class_is_called_like_nothing_else(tmp_path: Path, name: str, class_name: str) -> None:
    assert pixiecore("new-plugin", name, "--in", str(tmp_path)).returncode == 0
    package = name.replace("-", "_")
    text = (tmp_path / f"pixiecore-{name}" / f"pixiecore_{package}" / "__init__.py").read_text()
    assert f"class {class_name}:\n" in text
    assert f"    register({class_name})\n" in text


def test_the_next_step_is_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """pip would take a bare name for one on the registry."""
    monkeypatch.chdir(tmp_path)
    said = pixiecore("new-plugin", "rack").stdout
    assert "Next: pip install './pixiecore-rack[test]' && python -m pytest ./pixiecore-rack\n" in said
    said = pixiecore("new-plugin", "rack", "--in", str(tmp_path / "a b")).stdout
    assert f"Next: pip install '{tmp_path}/a b/pixiecore-rack[test]' && " in said


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Rack", "NAME: 'Rack' must be lower-case letters"),
        ("../x", "must be lower-case letters"),
        ("taken", "is there already"),
        ("core", "pixiecore-core is installed already; choose another name"),
        ("static-booter", "pixiecore-static-booter is installed already"),
        ("static", "a plugin of the name 'static' is installed already"),
        ("quick", "a booter of the name 'quick' is installed already"),
        ("allowlist", "a plugin of the name 'allowlist' is installed already"),
    ],
)
def test_names_that_cannot_be(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "pixiecore-taken").mkdir()
    assert words in failure(pixiecore("new-plugin", name, "--in", str(tmp_path)), 2)
