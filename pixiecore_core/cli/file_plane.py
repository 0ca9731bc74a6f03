"""Builds the file plane from settings: the cache, or none where it cannot be, and the sealer with its key.

What the user named must work, else it is an error; the default places may fail, with a warning.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from errno import EACCES

from pixiecore_core.boot.tokens import KEY_BYTES, Sealer
from pixiecore_core.errors import ConfigError
from pixiecore_core.files.cache import Cache
from pixiecore_core.files.folders import user_folder
from pixiecore_core.files.key_file import read_or_create_key
from pixiecore_core.files.plane import FilePlane
from pixiecore_core.files.store import Store
from pixiecore_core.files.upstream import Upstream
from pixiecore_core.settings.server import CacheSettings, ServerSettings

Warn = Callable[[str], None]


def open_store(settings: CacheSettings) -> Store:
    """The cache on disk.

    :raises ConfigError: the folder cannot be written to
    """
    folder = settings.cache_dir or user_folder("cache")
    try:
        store = Store(folder, int(settings.cache_size))
        store.prepare()
    except OSError as error:
        reason = f"{error.strerror}; it must belong to user {os.geteuid()}" if error.errno == EACCES else str(error)
        raise ConfigError("--cache-dir", f"{folder} cannot be used: {reason}") from error
    return store


def open_files(settings: ServerSettings, warn: Warn) -> FilePlane:
    """The file plane of a server.

    :raises ConfigError: the user named a folder for the cache that cannot be used
    """
    if settings.no_cache:
        return FilePlane()
    try:
        store = open_store(settings)
    except ConfigError as error:
        if settings.cache_dir is not None:
            raise
        warn(f"No cache, so every machine fetches for itself: {error.reason}; see --cache-dir")
        return FilePlane()
    upstream = Upstream()
    return FilePlane(Cache(store, upstream, warn), upstream)


def open_sealer(settings: ServerSettings, warn: Warn, also: Collection[int] = ()) -> Sealer:
    """The sealer of a server.

    :param also: users whose file the key may be in, besides us and root
    :raises ConfigError: the user named a key file that cannot be used
    """
    path = settings.key_file or user_folder("state") / "url.key"
    try:
        return Sealer(read_or_create_key(path, KEY_BYTES, warn, also))
    except ConfigError as error:
        if settings.key_file is not None:
            raise
        warn(f"Machines in the middle of their boot will not survive a restart: {error}")
        return Sealer()
