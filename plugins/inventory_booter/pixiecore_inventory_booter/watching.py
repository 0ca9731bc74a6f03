"""Notices that a folder has changed, with inotify, and says so once it is quiet again.

Folders below it are watched too, but for hidden ones. Where inotify cannot be had, as on a network file system, nothing
is noticed, and a SIGHUP has to tell. Reads no file.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator

import gevent
import gevent.socket
from inotify_simple import INotify, flags

QUIET_SECONDS = 0.3
"""An editor writes a file in several steps, and a checkout changes many."""
LONGEST_SECONDS = 3.0
"""A folder that is never quiet is looked at all the same."""
RETRY_SECONDS = 1.0
_MOST_FOLDERS = 1000
_MASK = flags.CLOSE_WRITE | flags.CREATE | flags.DELETE | flags.MOVED_FROM | flags.MOVED_TO | flags.ATTRIB
_ITSELF = flags.DELETE_SELF | flags.MOVE_SELF


class Watcher:
    """Watches one folder, in a greenlet.

    :param changed: called after a change; never while it still runs
    :raises OSError: inotify cannot be had
    """

    def __init__(self, folder: str, changed: Callable[[], None]) -> None:
        self._folder = folder
        self._changed = changed
        self._notices = INotify(nonblocking=True)
        self._watch()
        self._greenlet = gevent.spawn(self._run)

    def stop(self) -> None:
        """Watch no more."""
        self._greenlet.kill()
        self._notices.close()

    def _watch(self) -> None:
        """Watch the folder and those below it; again after each change, for there may be new ones.

        :raises OSError: the folder itself cannot be watched
        """
        self._notices.add_watch(self._folder, _MASK | _ITSELF)
        for number, folder in enumerate(_folders(self._folder)):
            if number >= _MOST_FOLDERS:
                break
            try:
                self._notices.add_watch(folder, _MASK)
            except OSError:
                continue  # removed in between, or not ours to read

    def _run(self) -> None:
        while True:
            gevent.socket.wait_read(self._notices.fileno())
            self._settle()
            while not self._watched():
                gevent.sleep(RETRY_SECONDS)  # it was removed, perhaps to be replaced
            self._changed()

    def _watched(self) -> bool:
        try:
            self._watch()
        except OSError:
            return False
        return True

    def _settle(self) -> None:
        """Wait until nothing more happens."""
        until = time.monotonic() + LONGEST_SECONDS
        while list(self._notices.read(timeout=0)) and time.monotonic() < until:
            gevent.sleep(QUIET_SECONDS)


def _folders(root: str) -> Iterator[str]:
    for folder, names, _ in os.walk(root):
        names[:] = [name for name in names if not name.startswith(".")]
        if folder != root:
            yield folder
