"""Where this user's data, state and cached files belong: the XDG folders, or those that systemd gives a service."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

Kind = Literal["data", "state", "cache"]

_PLACES: dict[Kind, tuple[str, str]] = {
    "data": ("XDG_DATA_HOME", ".local/share"),
    "state": ("XDG_STATE_HOME", ".local/state"),
    "cache": ("XDG_CACHE_HOME", ".cache"),
}
# systemd.exec(5), StateDirectory= and CacheDirectory=: made for this service, and perhaps the only writable ones.
_SERVICE = {"state": "STATE_DIRECTORY", "cache": "CACHE_DIRECTORY"}


def user_folder(kind: Kind) -> Path:
    """The folder; it may not exist yet.

    :raises RuntimeError: the user has no home
    """
    service = os.environ.get(_SERVICE.get(kind, ""), "").partition(":")[0]
    if service:
        return Path(service)
    variable, below_home = _PLACES[kind]
    base = os.environ.get(variable)
    return (Path(base) if base else Path.home() / below_home) / "pixiecore"
