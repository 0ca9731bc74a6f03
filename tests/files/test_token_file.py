"""The token of the status page: one word in a file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pixiecore_core.errors import ConfigError
from pixiecore_core.files.token_file import read_token


def read(path: Path) -> tuple[bytes, list[str]]:
    warned: list[str] = []
    return read_token("--status-token-file", path, warned.append), warned


def written(folder: Path, data: bytes, mode: int = 0o600) -> Path:
    path = folder / "token"
    path.write_bytes(data)
    path.chmod(mode)
    return path


def test_a_token_is_read(tmp_path: Path) -> None:
    assert read(written(tmp_path, b"0123456789abcdef\n")) == (b"0123456789abcdef", [])


def test_one_that_everybody_can_read_is_warned_of(tmp_path: Path) -> None:
    _, warned = read(written(tmp_path, b"0123456789abcdef", 0o644))
    assert warned == [f"Every user of this host can read {tmp_path}/token: chmod 600 {tmp_path}/token"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "holds a token of 0 characters, and 16 are needed"),
        (b" \n", "holds a token of 0 characters"),
        (b"0123456789abcde", "holds a token of 15 characters"),
        (b"two words of a text", "does not hold a token: one word"),
        ("0123456789äbcdef".encode(), "does not hold a token"),
        (b"x" * 5000, "does not hold a token"),
    ],
)
def test_what_is_no_token_is_refused_and_not_told(tmp_path: Path, data: bytes, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason) as caught:
        read(written(tmp_path, data))
    assert caught.value.option == "--status-token-file"
    assert data.strip() == b"" or repr(data)[2:-1] not in str(caught.value)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        read(tmp_path / "none")
    with pytest.raises(ConfigError, match="cannot be read"):
        read(tmp_path)
    os.mkfifo(tmp_path / "fifo", 0o600)
    with pytest.raises(ConfigError, match="cannot be read: it is not a regular file"):
        read(tmp_path / "fifo")
