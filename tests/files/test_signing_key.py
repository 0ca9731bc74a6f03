"""The key for Secure Boot and its certificate: a pair, or a message that says what is wrong with which file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pixiecore_core.errors import ConfigError
from pixiecore_core.files.signing_key import read_signing_key
from tests.keys import pair, with_pass_phrase


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    with_pass_phrase(pair(folder)[0])
    pair(folder, "other")
    (folder / "text").write_text("hello\n")
    broken = (folder / "own.key").read_text().splitlines()
    (folder / "broken.key").write_text("\n".join([*broken[:3], *broken[5:]]))
    return folder


def problem(key: Path | None, certificate: Path | None) -> str:
    with pytest.raises(ConfigError) as caught:
        read_signing_key(key, certificate, lambda text: None)
    assert "PRIVATE" not in str(caught.value).replace("private key", "")
    return str(caught.value)


def test_a_pair(folder: Path) -> None:
    warnings: list[str] = []
    before = len(os.listdir("/proc/self/fd"))
    found = read_signing_key(folder / "own.key", folder / "own.pem", warnings.append)
    assert found is not None
    assert found.key == (folder / "own.key").read_bytes()
    assert "PRIVATE" not in repr(found)
    assert not warnings
    assert len(os.listdir("/proc/self/fd")) == before
    other = read_signing_key(folder / "other.key", folder / "other.pem", warnings.append)
    assert other is not None
    assert other.identity != found.identity


def test_none() -> None:
    assert read_signing_key(None, None, lambda text: None) is None


@pytest.mark.parametrize(
    ("key", "certificate", "words"),
    [
        ("own.key", None, "--secureboot-key: is of no use alone; give --secureboot-cert too"),
        (None, "own.pem", "--secureboot-cert: is of no use alone; give --secureboot-key too"),
        ("own.key", "other.pem", "--secureboot-key: own.key does not belong to the certificate in other.pem"),
        ("locked.key", "own.pem", "--secureboot-key: locked.key has a pass phrase"),
        ("gone", "own.pem", "--secureboot-key: gone cannot be read: No such file or directory"),
        ("own.key", "gone", "--secureboot-cert: gone cannot be read: No such file or directory"),
        (".", "own.pem", "cannot be read"),
        ("own.pem", "own.pem", "--secureboot-key: own.pem holds no private key in PEM form"),
        ("own.key", "text", "--secureboot-cert: text holds no certificate in PEM form"),
        ("broken.key", "own.pem", "--secureboot-key: broken.key and own.pem are no key and certificate"),
    ],
)
def test_what_is_no_pair(
    folder: Path, key: str | None, certificate: str | None, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    assert words in problem(Path(key) if key else None, Path(certificate) if certificate else None)


def test_a_key_that_others_can_write_is_not_read(folder: Path, tmp_path: Path) -> None:
    key = tmp_path / "open.key"
    key.write_bytes((folder / "own.key").read_bytes())
    key.chmod(0o666)
    assert "other users can write to" in problem(key, folder / "own.pem")
    key.chmod(0o644)
    warnings: list[str] = []
    assert read_signing_key(key, folder / "own.pem", warnings.append) is not None
    assert "Every user of this host can read" in warnings[0]
