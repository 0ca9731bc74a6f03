"""What counts as a secret, and what is left of a text that has one in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pixiecore_core.hidden import is_secret, without_secrets
from tests.cli import plugins
from tests.command import pixiecore


@pytest.mark.parametrize(
    "name",
    [
        "token",
        "api_key",
        "APIKEY",
        "apiKey",
        "key",
        "db_passwd",
        "PWD",
        "passphrase",
        "credentials",
        "credential",
        "basic_auth",
        "Secret_Name",
        "admin_tokens",
        "keys",
        "psk",
        "pin",
        "bearer",
    ],
)
def test_secrets(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize(
    "name", ["key_file", "token_path", "keymap", "author", "kernel", "monkeys_", "passive", "sign", "monkey", "turnkey"]
)
def test_no_secrets(name: str) -> None:
    assert not is_secret(name)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("http://me:hunter2@h/x", "http://me:…@h/x"),
        ("postgresql+psycopg://me:hunter2@h:5432/db", "postgresql+psycopg://me:…@h:5432/db"),
        ("redis://:hunter2@h", "redis://:…@h"),
        ("me:hunter2@tcp(h:3306)/db", "me:…@tcp(h:3306)/db"),
        ("host=h password=hunter2 dbname=x", "host=h password=… dbname=x"),
        ("host=h password='hunter2 hunter2' dbname=x", "host=h password=… dbname=x"),
        ("Server=h;Pwd=hunter2;Database=x", "Server=h;Pwd=…;Database=x"),
        ("http://h/x?a=1&token=hunter2&b=2", "http://h/x?a=1&token=…&b=2"),
        ("http://h/x?api_key=hunter2#part", "http://h/x?api_key=…#part"),
        ("ks=http://a:hunter2@h,http://b:hunter2@h/x quiet", "ks=http://a:…@h,http://b:…@h/x quiet"),
        ("http://h:8080/a@b?page=2", "http://h:8080/a@b?page=2"),
        ("https://ghp_abcdef@host/x", "https://…@host/x"),
        ("redis://:p#ss@h/0", "redis://:…@h/0"),
        ("postgres://u:p/w@h/db", "postgres://u:…@h/db"),
        ("HTTP://user:hunter2/@h/", "HTTP://user:…@h/"),
        ("'//u:hunter2@h/x' is no URL", "'//u:…@h/x' is no URL"),
        ("http:/u:hunter2@h/x", "http:/u:…@h/x"),
        ("SERVER: 'u:hunter2@h:80' must begin", "SERVER: 'u:…@h:80' must begin"),
        ("http://h:8080/a@b", "http://h:8080/a@b"),
        ("52:54:00:12:34:56", "52:54:00:12:34:56"),
        ("console=ttyS0 key=value", "console=ttyS0 key=value"),
    ],
)
def test_texts(text: str, left: str) -> None:
    assert without_secrets(text) == left


@pytest.mark.parametrize("text", ["a-" * 100_000, "x" * 1_000_000, "http://" * 20_000, "a:" * 100_000])
@pytest.mark.timeout(10)
def test_a_long_text_costs_little(text: str) -> None:
    assert without_secrets(text) == text


def test_help_hides_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plugins.offer(
        tmp_path,
        "x",
        'api_token: str = Field("hunter2", description="token")',
        'marked: str = Field("hunter2", json_schema_extra={"secret": True})',
        'url: str = "http://u:hunter2@h/"',
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    done = pixiecore("run", "--help")
    assert done.returncode == 0, done.stderr
    assert "hunter2" not in done.stdout
    assert "[default: (hidden)]" in done.stdout


def test_config_hides_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plugins.offer(
        tmp_path,
        "x",
        'key: str = "hunter2"',
        'DbPassphrase: str = "hunter2"',
        'auth: list[str] = ["hunter2"]',
        'plain: SecretStr = SecretStr("hunter2")',
        'several: list[SecretStr] = [SecretStr("hunter2")]',
        'marked: str = Field("hunter2", json_schema_extra={"secret": True})',
        'url: str = "http://h/?token=hunter2"',
        'key_file: Path = Path("/etc/key")',
        'token: str = ""',
        "credential: bool = True",
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    done = pixiecore("config")
    assert done.returncode == 0, done.stderr
    assert "hunter2" not in done.stdout
    assert {'url = "http://h/?token=…"', 'key_file = "/etc/key"', 'token = ""', "credential = true"} <= {
        line.removeprefix("# ").partition("  #")[0].strip() for line in done.stdout.splitlines()
    }
