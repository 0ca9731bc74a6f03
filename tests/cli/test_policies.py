"""Policies on the command line: their settings are options of every serving command, and they are asked in order."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.cli import plugins
from tests.command import failure, pixiecore
from tests.processes import HIGH_PORTS, read_until, serving

SCRIPT = "/_/ipxe?mac=52:54:00:12:34:56&arch=x86_64&platform=efi"
POLICY = """
from pydantic import BaseModel, Field
from pixiecore_core import Ignore, hookimpl

class Policy:
    name = "{name}"

    class Settings(BaseModel):
        word: str = Field("", description="a word that is refused")

    def __init__(self, settings):
        self.word = settings.word

    @hookimpl
    def select_boot(self, machine):
        if self.word:
            return Ignore(reason="{name} says " + self.word)

@hookimpl
def register_policies(register):
    register(Policy)
"""


@pytest.fixture
def kernel(tmp_path: Path) -> str:
    (tmp_path / "vmlinuz").write_bytes(b"kernel")
    return str(tmp_path / "vmlinuz")


@pytest.fixture
def two_policies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plugins "aardvark" and "zebra"."""
    for name in ("aardvark", "zebra"):
        (tmp_path / f"{name}_plugin.py").write_text(POLICY.format(name=name))
        info = tmp_path / f"{name}_plugin-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}-plugin\nVersion: 1\n")
        (info / "entry_points.txt").write_text(f"[pixiecore]\n{name} = {name}_plugin\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


def refusal(*arguments: str) -> str:
    """What the machine is told by a server that was started like this."""
    with serving(*arguments, *HIGH_PORTS) as process:
        found = re.search(r"HTTP on port (\d+)", read_until(process, "Ready")[-1])
        assert found is not None
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(f"http://127.0.0.1:{found[1]}{SCRIPT}")
        with caught.value:
            return caught.value.read().decode()


def test_an_installed_policy_is_live_with_its_settings(
    kernel: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIXIECORE_ONCE_DATABASE", str(tmp_path / "once.sqlite"))
    assert "it is not armed" in refusal("boot", kernel, "--once-enabled", "--once-unknown", "ignore")
    monkeypatch.setenv("PIXIECORE_ONCE_ENABLED", "true")
    monkeypatch.setenv("PIXIECORE_ONCE_UNKNOWN", "ignore")
    assert "it is not armed" in refusal("run", "--booter", "static", "--kernel", kernel)
    message = failure(pixiecore("boot", kernel, "--once-unknown", "perhaps", *HIGH_PORTS), 2)
    assert "--once-unknown: Input should be 'boot' or 'ignore'" in message


@pytest.mark.usefixtures("two_policies")
def test_policies_are_asked_by_name_or_in_the_order_that_was_given(kernel: str, tmp_path: Path) -> None:
    both = ["boot", kernel, "--aardvark-word", "no", "--zebra-word", "never"]
    assert refusal(*both) == "you don't netboot: aardvark says no"
    assert refusal(*both, "--plugin-order", "zebra") == "you don't netboot: zebra says never"
    config = tmp_path / "pixiecore.toml"
    config.write_text('[server]\nplugin_order = ["zebra"]\n[plugin.zebra]\nword = "from the file"\n')
    assert refusal("boot", kernel, "--config", str(config)) == "you don't netboot: zebra says from the file"
    assert "there is no installed plugin 'nope'" in failure(pixiecore(*both, "--plugin-order", "nope", *HIGH_PORTS), 2)
    config.write_text("[plugin.zebra]\nwrod = 1\n")
    message = failure(pixiecore("boot", kernel, "--config", str(config), *HIGH_PORTS), 2)
    assert "[plugin.zebra] wrod: there is no setting 'wrod'; did you mean 'word'?" in message


def test_a_name_given_twice_is_asked_once(kernel: str) -> None:
    done = pixiecore("plugins", "--plugin-order", "once", "--plugin-order", "once")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].count("once") == 1
    command = ["select", "--booter", "static", "--kernel", kernel, "--mac", "52:54:00:12:34:56"]
    assert pixiecore(*command, PIXIECORE_PLUGIN_ORDER="once,once").returncode == 0


def test_disabled_plugins_may_have_spaces_between_them() -> None:
    done = pixiecore("plugins", PIXIECORE_DISABLE_PLUGIN=" once, allowlist ,")
    assert done.returncode == 0, done.stderr
    assert "once  (disabled)\nallowlist  (disabled)\n" in done.stdout


def test_a_policy_whose_constructor_ends_the_process_is_named(
    kernel: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugins.offer(tmp_path, "leaver", constructor="sys.exit()")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    command = ["select", "--booter", "static", "--kernel", kernel, "--mac", "52:54:00:12:34:56"]
    assert "plugin 'leaver', hook __init__: SystemExit" in failure(pixiecore(*command), 1)
