"""``--json``: one document on standard output and nothing else, the same status, and no secret."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli import plugins
from tests.command import Done, failure, pixiecore

MAC = "52:54:00:12:34:56"
LOUD = """
from pydantic import BaseModel
from pixiecore_core import hookimpl
print("imported")

class Loud:
    name = "loud"

    class Settings(BaseModel):
        token: str = ""

    def __init__(self, settings):
        print("made")

    @hookimpl
    def select_boot(self, machine):
        print("asked")

@hookimpl
def register_policies(register):
    print("registered")
    register(Loud)
"""


@pytest.fixture(autouse=True)
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A kernel; and a plugin is installed that prints whenever it is called."""
    plugins.install(tmp_path, "loud", LOUD)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "vmlinuz").write_bytes(b"kernel")
    return str(tmp_path / "vmlinuz")


def document(done: Done, status: int = 0) -> Any:
    assert done.returncode == status, done.stdout + done.stderr
    assert "registered" in done.stderr, "what plugins print is not lost"
    return json.loads(done.stdout)


def test_plugins() -> None:
    said = document(pixiecore("plugins", "--json", "--plugin-order", "once", PIXIECORE_DISABLE_PLUGIN="api"))
    assert said["order"] == ["once", "allowlist", "loud"]
    assert said["disabled"] == ["api"]
    (static,) = [plugin for plugin in said["plugins"] if plugin["name"] == "static"]
    assert static["distribution"] == "pixiecore-static-booter"
    booter = static["booters"][0]
    assert (booter["name"], booter["summary"]) == ("static", "Boots every machine into one kernel.")
    assert booter["settings"] == ["--kernel", "--initrd", "--efi", "--dtb", "--cmdline", "--message"]
    (loud,) = [plugin for plugin in said["plugins"] if plugin["name"] == "loud"]
    assert loud["policies"] == [{"name": "loud", "summary": "", "hooks": ["select_boot"], "settings": ["--loud-token"]}]


def test_firmware(kernel: str) -> None:
    loaders = document(pixiecore("firmware", "--json", "--ipxe-bios", kernel))["loaders"]
    by_name = {loader["name"]: loader for loader in loaders}
    assert by_name["bios"] == {
        "name": "bios",
        "serves": "BIOS machines",
        "option": "--ipxe-bios",
        "path": kernel,
        "how_to_get": None,
        "version": None,
        "seen": True,
    }
    for loader in loaders:
        assert (loader["path"] is None) != (loader["how_to_get"] is None)


def test_config(kernel: str) -> None:
    given = ["--booter", "static", "--kernel", kernel, "--http", "off", "--loud-token", "hunter2"]
    done = pixiecore("config", "--json", *given, PIXIECORE_HOOK_TIMEOUT="90")
    said = document(done)
    assert "hunter2" not in done.stdout + done.stderr
    assert said["server"]["booter"] == {"value": "static", "source": "--booter", "hidden": False}
    assert said["server"]["http"] == {"value": "off", "source": "--http", "hidden": False}
    assert said["server"]["hook_timeout"] == {"value": "1m30s", "source": "PIXIECORE_HOOK_TIMEOUT", "hidden": False}
    assert said["server"]["key_file"] == {"value": None, "source": "default", "hidden": False}
    assert said["booter"]["static"]["kernel"]["value"] == kernel
    assert said["plugin"]["loud"]["token"] == {"value": None, "source": "--loud-token", "hidden": True}


def test_select_a_machine_that_boots(kernel: str) -> None:
    url = "http://me:hunter2@h/i"
    command = ["select", "--json", "--booter", "static", "--kernel", kernel, "--initrd", url, "--mac", MAC]
    done = pixiecore(*command, "--cmdline", "quiet", "--hostname", "web1")
    said = document(done)
    assert "hunter2" not in done.stdout + done.stderr
    assert "asked" in done.stderr
    assert said["machine"] == {
        "mac": MAC,
        "hostname": "web1",
        "address": "192.0.2.100",
        "architecture": "UEFI x86_64",
    }
    assert {"hook": "select_boot", "plugin": "static booter", "answer": "boot it"} in said["answers"]
    assert said["outcome"] == "boot"
    assert said["reason"] is None
    assert said["kernel"] == kernel
    assert said["initrds"] == ["http://me:…@h/i"]
    assert said["cmdline"] == "quiet"
    assert said["script"].startswith("#!ipxe\n")


def test_select_a_machine_that_does_not(kernel: str) -> None:
    command = ["select", "--json", "--booter", "static", "--kernel", kernel, "--mac", MAC]
    said = document(pixiecore(*command, "--arch", "riscv32"), 1)
    assert (said["outcome"], said["kernel"], said["script"]) == ("ignore", None, None)
    assert said["reason"].startswith("no boot file exists for UEFI riscv32")
    said = document(pixiecore(*command, "--allowlist-enabled"), 1)
    assert said["outcome"] == "hold"


@pytest.mark.parametrize("command", ["plugins", "firmware", "config", "select"])
def test_a_mistake_leaves_no_document(command: str) -> None:
    done = pixiecore(command, "--json", "--config", "/nonexistent", *(["--mac", MAC] if command == "select" else ()))
    assert "/nonexistent cannot be read" in failure(done, 2)
    assert done.stdout == ""


def keys(value: Any, free: tuple[str, ...] = ("server", "booter", "plugin", "files", "machine")) -> set[str]:
    """Every key of a document, but those that are names of settings and files."""
    if isinstance(value, list):
        return {key for one in value for key in keys(one)}
    if not isinstance(value, dict):
        return set()
    return {*value, *(key for name, one in value.items() if name not in free for key in keys(one))}


def test_every_key_is_in_the_reference(kernel: str) -> None:
    page = (Path(__file__).parents[2] / "docs/reference/json.md").read_text()
    machine = ["--mac", MAC, "--booter", "static", "--kernel", kernel]
    for command in (["plugins"], ["firmware"], ["config"], ["select", *machine]):
        section = page.partition(f"## `pixiecore {command[0]} --json`")[2].partition("\n## ")[0]
        said = document(pixiecore(*command, "--json"))
        for key in keys(said) | keys(said.get("server", {}).get("port", {})):
            assert f"`{key}`" in section, key
