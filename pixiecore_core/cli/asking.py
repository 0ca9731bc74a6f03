"""Asks a running server over its JSON, for the commands that show what it knows.

Where the server is, is found as the server itself finds out: by its settings, unless ``--server`` says. Prints nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import requests

from pixiecore_core.cli.configuring import CONFIG_OPTION, configuration
from pixiecore_core.errors import ConfigError, PixiecoreError
from pixiecore_core.files.token_file import read_token
from pixiecore_core.settings.listening import Endpoint
from pixiecore_core.settings.server import ServerSettings

_SECONDS = 10.0
_SETTINGS = ("listen_addr", "port", "http", "status", "status_token_file")
"""Those of the server that say where it shows its machines, and to whom."""

ASKING_OPTIONS = [
    click.Option(
        ["--server"],
        metavar="URL",
        help="The server to ask, such as http://192.0.2.2 or http://127.0.0.1:8080. [default: the one on this host, by "
        "the settings file and the environment]",
    ),
    click.Option(
        ["--token-file"],
        type=click.Path(dir_okay=False, path_type=Path),
        help="The token that the server asks for. [default: its --status-token-file, by the settings file]",
    ),
    CONFIG_OPTION,
]


class NotAsked(PixiecoreError):
    """There is nobody to ask, or no answer."""


class Server:
    """A running server."""

    def __init__(self, url: str, token: str | None) -> None:
        self.url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    @classmethod
    def of(cls, ctx: click.Context) -> Server:
        """The one that the command's options name, or its settings.

        :raises ConfigError: an option, or the settings file, is mistaken
        :raises NotAsked: the server is told to show nothing
        """
        named, file = ctx.params.get("server"), ctx.params.get("token_file")
        if named is not None:
            parts = urlsplit(named if "://" in named else f"http://{named}")
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise ConfigError(
                    "--server", f"{named!r} is not the URL of a server: give one such as http://192.0.2.2"
                )
            return cls(parts.geturl(), _read(file))
        settings = configuration(ctx, only=()).part(ServerSettings, _SETTINGS)
        return cls(_place(settings), _read(file or settings.status_token_file))

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        """The JSON at a path.

        :raises NotAsked: there is none
        """
        answer = self.response(path, query)
        try:
            return answer.json()
        except json.JSONDecodeError as error:
            raise NotAsked(f"{self.url} answers, but is no Pixiecore that has {path}") from error

    def response(self, path: str, query: Mapping[str, str] | None = None) -> requests.Response:
        """The answer to a request.

        :raises NotAsked: there is none, or it is a refusal
        """
        try:
            answer = requests.get(self.url + path, params=query, headers=self._headers, timeout=_SECONDS)
        except requests.RequestException as error:
            raise NotAsked(f"no server answers at {self.url}: is it running? Else name it: --server URL") from error
        if answer.status_code == 404 and "no such page" in answer.text:
            raise NotAsked(f"{self.url} shows nothing of its machines: it was started with --status off, or is older")
        if answer.status_code == 401:
            raise NotAsked(f"{self.url} asks for a token: give --token-file FILE, its --status-token-file")
        if answer.status_code != 200:
            raise NotAsked(f"{self.url}: {answer.text.strip()[:300] or answer.reason}")
        return answer


def _place(settings: ServerSettings) -> str:
    """Where a server with these settings shows its machines, from this host."""
    if settings.status == "off":
        raise NotAsked("nobody can be asked: the server's settings say --status off")
    endpoint = settings.status if isinstance(settings.status, Endpoint) else settings.http_endpoint()
    if endpoint is None:
        raise NotAsked("nobody can be asked: the server's settings say --http off, and --status names no other place")
    address = endpoint.address if endpoint.address is not None else settings.listen_addr
    host = "127.0.0.1" if address.is_unspecified else str(address)
    return f"http://{host}:{endpoint.port}"


def _read(file: Path | None) -> str | None:
    return read_token("--token-file", file, lambda warning: None).decode() if file is not None else None
