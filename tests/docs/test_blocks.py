"""Every block of code in the documentation is checked by whatever would read it: Python, the command line, dnsmasq.

Nothing is executed but Python blocks behind the comment RUN. What the tutorial's files do is in test_tutorial.py.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import yaml

from tests.command import pixiecore, plugins_importable

from . import command_line
from .pages import PAGES, ROOT, Block, blocks, files, install

RUN = "<!-- tests run this -->"
ALL = blocks()
SETTINGS = {"server", "booter", "plugin"}
KNOWN = {"sh", "python", "toml", "json", "yaml", "http", "text", "ipxe", "ini", "conf", "prometheus"}


def of(language: str) -> list[Block]:
    return [block for block in ALL if block.language == language]


def without_settings(patch: pytest.MonkeyPatch) -> None:
    """As if nothing of ours were in the environment."""
    for name in [name for name in os.environ if name.startswith("PIXIECORE_")]:
        patch.delenv(name)


@pytest.mark.parametrize("block", ALL, ids=str)
def test_the_language_is_one_that_is_checked(block: Block) -> None:
    assert block.language in KNOWN


@pytest.mark.parametrize("block", of("python"), ids=str)
def test_python_compiles(block: Block) -> None:
    compile(block.text, str(block), "exec")


@pytest.mark.parametrize("block", [block for block in of("python") if block.before == RUN], ids=str)
def test_python_runs(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "block.py").write_text(block.text, encoding="utf-8")
    without_settings(monkeypatch)
    command = [sys.executable, "-W", "error", "block.py"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("block", of("json"), ids=str)
def test_json_parses(block: Block) -> None:
    json.loads(block.text)


@pytest.mark.parametrize("block", of("yaml"), ids=str)
def test_yaml_parses(block: Block) -> None:
    """Templates with a word in the place of what is filled in."""
    assert yaml.safe_load(re.sub(r"\{\{.*?\}\}", "word", block.text))


def settings_files() -> list[Block]:
    return [block for block in of("toml") if SETTINGS & tomllib.loads(block.text).keys()]


@pytest.mark.parametrize("block", settings_files(), ids=str)
def test_a_settings_file_is_one(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `pixiecore config` reads it, which checks every key and value."""
    text = block.text
    for path in re.findall(r"[\"'](/[^\"']+)[\"']", text):
        # Files that a booter wants to see are there, in this folder.
        (tmp_path / path[1:]).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path[1:]).touch()
        text = text.replace(path, f"{tmp_path}{path}")
    (tmp_path / "pixiecore.toml").write_text(text, encoding="utf-8")
    tables = tomllib.loads(block.text)
    booter = [] if "booter" in tables.get("server", {}) else [f"--booter={name}" for name in tables.get("booter", {})]
    without_settings(monkeypatch)
    monkeypatch.chdir(tmp_path)
    done = pixiecore("config", "--config", "pixiecore.toml", *booter)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("block", [block for block in ALL if "dnsmasq" in (block.file or "")], ids=str)
def test_dnsmasq_takes_its_settings(block: Block, tmp_path: Path) -> None:
    (tmp_path / "conf").write_text(block.text, encoding="utf-8")
    command = ["dnsmasq", "--test", f"--conf-file={tmp_path / 'conf'}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def simple_commands(script: str) -> Iterator[list[str]]:
    """The words of each command, without what comes before its name: variables and sudo."""
    for line in script.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words: list[str] = []
        for word in [*lexer, ";"]:
            if not word.strip(";|&()<>"):
                while words and (words[0] == "sudo" or re.match(r"[A-Z_]+=", words[0])):
                    words.pop(0)
                if words:
                    yield words
                words = []
            else:
                words.append(word)


def pixiecore_commands() -> dict[str, tuple[list[str], str]]:
    """The arguments of each pixiecore command, and the settings file that the page has shown before it."""
    found: dict[str, tuple[list[str], str]] = {}
    for page in PAGES:
        settings = '[server]\nbooter = "static"\n'
        for block in blocks(page):
            if block.language == "toml" and SETTINGS & tomllib.loads(block.text).keys():
                settings = block.text
            commands = simple_commands(block.text) if block.language == "sh" else iter(())
            for number, words in enumerate(commands):
                if Path(words[0]).name == "pixiecore":
                    found[f"{block}.{number} {' '.join(words[1:])}"] = (words[1:], settings)
    return found


COMMANDS = pixiecore_commands()


def wrong_with(commands: list[tuple[list[str], str]]) -> list[str | None]:
    """What the command line would say against each; the tutorial's plugin is installed."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        install(files(ROOT / "docs" / "tutorial" / "first-plugin.md"), Path(folder))
        without_settings(patch)
        patch.setenv("PYTHONPATH", folder)
        with plugins_importable():
            return command_line.wrong_with(commands)


@cache
def wrong_with_commands() -> dict[str, str | None]:
    return dict(zip(COMMANDS, wrong_with(list(COMMANDS.values())), strict=True))


def test_there_are_commands() -> None:
    assert len(COMMANDS) > 30


@pytest.mark.parametrize("command", COMMANDS)
def test_the_command_line_takes_it(command: str) -> None:
    assert wrong_with_commands()[command] is None


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["boot", "k", "--nonsense"], "No such option"),
        (["bot", "k"], "No such command"),
        (["boot"], "Missing argument"),
        (["cache", "lsx"], "No such command"),
        (["run", "--booter", "nonsense"], "there is no booter"),
        (["--disable-plugin", "once", "boot", "k"], None),
    ],
)
def test_a_wrong_command_is_found(arguments: list[str], complaint: str | None) -> None:
    (wrong,) = wrong_with([(arguments, "")])
    assert (complaint is None and wrong is None) or (complaint or "") in wrong


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_lists_begin_behind_an_empty_line(page: Path) -> None:
    """Where they do not, the site would run them into the paragraph before, and the repository's pages would not."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    lines = text.splitlines()
    for before, line in pairwise(lines):
        begins = re.match(r"([-*]|\d+\.) ", line)
        goes_on = not before.strip() or before.startswith(("- ", "* ", "  ", "#")) or re.match(r"\d+\. ", before)
        assert not begins or goes_on, f"{before}\n{line}"
