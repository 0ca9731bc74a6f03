"""Where this user's data, state and cached files belong: the XDG folders, or those that systemd gives a service."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

Kind = Literal["data", "state", "cache"]

_PLACES: dict[Kind, tuple[str, str, str]] = {
    "data": ("XDG_DATA_HOME", ".local/share", "/var/lib"),
    "state": ("XDG_STATE_HOME", ".local/state", "/var/lib"),
    "cache": ("XDG_CACHE_HOME", ".cache", "/var/cache"),
}
# systemd.exec(5), StateDirectory= and CacheDirectory=: made for this service, and perhaps the only writable ones.
_SERVICE = {"state": "STATE_DIRECTORY", "cache": "CACHE_DIRECTORY"}


def user_folder(kind: Kind) -> Path:
    """The folder; it may not exist yet."""
    service = os.environ.get(_SERVICE.get(kind, ""), "").partition(":")[0]
    if service:
        return Path(service)
    variable, below_home, without_home = _PLACES[kind]
    base = os.environ.get(variable)
    if base:
        return Path(base) / "pixiecore"
    try:
        return Path.home() / below_home / "pixiecore"
    except RuntimeError:
        # A user that the system does not know, as in a container.
        return Path(without_home) / "pixiecore"
