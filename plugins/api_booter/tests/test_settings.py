"""The settings: what they accept, and that mistakes are found at start."""

from __future__ import annotations

from pathlib import Path

import pytest
from pixiecore_api_booter import ApiSettings
from pydantic import ValidationError

URL = "http://api.example:8080/pixie"


def made(**given: object) -> ApiSettings:
    return ApiSettings.model_validate({"url": URL, **given})


def test_defaults() -> None:
    settings = made()
    assert settings.api_request_timeout == 5
    assert settings.api_version == 1
    assert settings.identity == "headers"
    assert settings.api_down == "hold"
    assert settings.file_root == []


def test_text_as_from_a_command_line() -> None:
    settings = made(api_request_timeout="1m30s", api_version="2", identity="query", api_down="hold-all")
    assert settings.api_request_timeout == 90
    assert settings.api_version == 2


@pytest.mark.parametrize("url", [URL, f"{URL}/", f"{URL}//"])
def test_a_slash_at_the_end_makes_no_difference(url: str) -> None:
    assert made(url=url).url == URL


def test_paths_are_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text("word\n")
    monkeypatch.chdir(tmp_path)
    assert made(file_root=["."]).file_root == [str(tmp_path)]
    assert made(api_token_file="token").api_token_file == str(tmp_path / "token")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"url": "api.example/pixie"}, "must begin with http:// or https://"),
        ({"url": "localhost:8080"}, "must begin with http:// or https://"),
        ({"url": "ftp://api.example"}, "must begin with http:// or https://"),
        ({"url": "http://"}, "names no host"),
        ({"url": "http://api.example:port"}, "the port must be a number"),
        ({"url": "http://api.example/?a=b"}, "must have no query"),
        ({"url": "http://api.example/#a"}, "no fragment"),
        ({"url": "http://api.example/a b"}, "white space"),
        ({"url": "http://[::1"}, r"'http://\[::1' does not name a possible host"),
        ({"api_request_timeout": "soon"}, "not a duration such as 5s"),
        ({"api_request_timeout": "0s"}, "greater than 0"),
        ({"api_request_timeout": "1h"}, "less than or equal to 600"),
        ({"api_version": "3"}, "Input should be 1 or 2"),
        ({"identity": "cookie"}, "'headers' or 'query'"),
        ({"api_down": "panic"}, "'hold', 'hold-all' or 'ignore'"),
        ({"api_ca": "/nonexistent"}, "/nonexistent cannot be read: No such file"),
        ({"api_token_file": "/"}, "cannot be read: Is a directory"),
        ({"api_token_file": __file__}, "does not hold a token"),
        ({"file_root": [__file__]}, "is not a folder"),
        ({"file_root": ["/nonexistent"]}, "/nonexistent is not a folder"),
        ({"colour": "red"}, "Extra inputs"),
    ],
)
def test_mistakes_are_found_at_start(given: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        made(**given)


def test_a_bad_token_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret with spaces")
    with pytest.raises(ValidationError) as caught:
        made(api_token_file=str(tmp_path / "token"))
    assert "secret" not in str(caught.value)
