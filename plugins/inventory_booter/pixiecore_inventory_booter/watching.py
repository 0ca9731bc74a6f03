"""Notices that a folder has changed, with inotify, and says so once it is quiet again.

Folders below it are watched too, except hidden ones, and so are the symbolic links on the way to it. A network file
system, or a file elsewhere that is named by an absolute path or a link, is not noticed: there it takes a SIGHUP.
Reads no file.
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
"""A folder that is never quiet is looked at anyway."""
RETRY_SECONDS = 1.0
_MOST_FOLDERS = 1000
_MASK = flags.CLOSE_WRITE | flags.CREATE | flags.DELETE | flags.MOVED_FROM | flags.MOVED_TO | flags.ATTRIB
_ITSELF = flags.DELETE_SELF | flags.MOVE_SELF


class Watcher:
    """Watches one folder, in a greenlet.

    :param changed: called after a change; must not wait
    :param gone: called with true when the folder is no longer there, with false when it is back; must not wait
    :raises OSError: inotify cannot be used
    """

    def __init__(self, folder: str, changed: Callable[[], object], gone: Callable[[bool], object]) -> None:
        self._folder = folder
        self._changed = changed
        self._gone = gone
        self._notices = INotify(nonblocking=True)
        self._links: dict[int, set[str]] = {}
        """Of folders that are watched only for links in them: the names of these, by watch."""
        try:
            self._watch()
        except BaseException:
            self._notices.close()
            raise
        self._greenlet = gevent.spawn(self._run)

    def stop(self) -> None:
        """Stop watching."""
        self._greenlet.kill()
        self._notices.close()

    def watch_again(self) -> bool:
        """Watch what is there now; returns whether the folder is there."""
        try:
            self._watch()
        except OSError:
            return False
        return True

    def _watch(self) -> None:
        """Watch the folder, those below it and the links on the way; again after each change, which may bring new ones.

        :raises OSError: the folder itself cannot be watched
        """
        watched = {self._notices.add_watch(self._folder, _MASK | _ITSELF)}
        for number, folder in enumerate(_folders(self._folder)):
            if number >= _MOST_FOLDERS:
                break
            try:
                watched.add(self._notices.add_watch(folder, _MASK))
            except OSError:
                continue  # removed in between, or not ours to read
        self._links = {}
        for link in _links(self._folder):
            try:
                watch = self._notices.add_watch(os.path.dirname(link), _MASK)
            except OSError:
                continue
            if watch not in watched:
                self._links.setdefault(watch, set()).add(os.path.basename(link))

    def _run(self) -> None:
        while True:
            gevent.socket.wait_read(self._notices.fileno())
            if not self._settle():
                continue
            if not self.watch_again():
                self._gone(True)
                while not self.watch_again():
                    gevent.sleep(RETRY_SECONDS)  # it was removed, perhaps to be replaced
                self._gone(False)
            self._changed()

    def _settle(self) -> bool:
        """Wait until nothing more happens; whether anything that matters did."""
        matters = False
        until = time.monotonic() + LONGEST_SECONDS
        while (notices := list(self._notices.read(timeout=0))) and time.monotonic() < until:
            matters |= any(notice.name in self._links.get(notice.wd, (notice.name,)) for notice in notices)
            if not matters:
                break
            gevent.sleep(QUIET_SECONDS)
        return matters


def _folders(root: str) -> Iterator[str]:
    """All folders below *root*, through links too, each once."""
    seen = {os.path.realpath(root)}
    for folder, names, _ in os.walk(root, followlinks=True):
        kept = []
        for name in names:
            real = os.path.realpath(os.path.join(folder, name))
            if not name.startswith(".") and real not in seen:
                seen.add(real)
                kept.append(name)
        names[:] = kept
        if folder != root:
            yield folder


def _links(folder: str) -> Iterator[str]:
    """The symbolic links among a path and the folders above it, and those that they lead through."""
    waiting, seen = [folder], set[str]()
    while waiting:
        path = waiting.pop()
        while path not in seen and path != os.path.dirname(path):
            seen.add(path)
            if os.path.islink(path):
                yield path
                waiting.append(os.path.normpath(os.path.join(os.path.dirname(path), os.readlink(path))))
            path = os.path.dirname(path)
