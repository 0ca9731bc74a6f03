"""Where our data, state and cached files belong: the folders of the service, of this user (XDG), or those that systemd
gives a service.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pixiecore_core.ownership import SERVICE_CACHE, SERVICE_STATE, service_user

Kind = Literal["data", "state", "cache"]

_PLACES: dict[Kind, tuple[str, str]] = {
    "data": ("XDG_DATA_HOME", ".local/share"),
    "state": ("XDG_STATE_HOME", ".local/state"),
    "cache": ("XDG_CACHE_HOME", ".cache"),
}
# systemd.exec(5), StateDirectory= and CacheDirectory=: made for this service, and perhaps the only writable ones.
_SERVICE = {"state": "STATE_DIRECTORY", "cache": "CACHE_DIRECTORY"}


def user_folder(kind: Kind) -> Path:
    """The folder in which Pixiecore keeps what is of this *kind*; it may not exist yet.

    The service's is root's too, or its commands would not find what the server keeps. What root has in its home goes on
    being used until it is moved: a server with an empty state would install machines again.
    """
    shared = service_folder(kind)
    if _environments(kind) is not None:
        return shared
    try:
        home = Path.home() / _PLACES[kind][1] / "pixiecore"
    except RuntimeError:
        # A user that the system does not know, as in a container.
        return shared
    unmoved = kind == "state" and _names(home) and not any(map(_is_state, _names(shared)))
    return home if unmoved or not _is_ours(shared) else shared


def service_folder(kind: Kind) -> Path:
    """The folder of a server that has a user of its own, unless the environment names another."""
    return _environments(kind) or (SERVICE_CACHE if kind == "cache" else SERVICE_STATE)


def _environments(kind: Kind) -> Path | None:
    service = os.environ.get(_SERVICE.get(kind, ""), "").partition(":")[0]
    if service:
        return Path(service)
    base = os.environ.get(_PLACES[kind][0])
    return Path(base) / "pixiecore" if base else None


def _is_ours(shared: Path) -> bool:
    us = os.geteuid()
    try:
        return us in (0, shared.stat().st_uid)
    except OSError:
        return us == 0 and service_user() is not None


def _is_state(name: str) -> bool:
    """Not a loader, which may be in the same folder."""
    return name == "url.key" or name.endswith(".sqlite")


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []
