"""Stands between the servers and the bytes of a plugin's file: a time limit, a check, a name on each failure.

The counterpart of guard.py for what lives on after the hook has answered. Sends nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from pixiecore_core.errors import BootFileError, PluginError
from pixiecore_core.models import ByteSource
from pixiecore_core.plugins.blame import Blame

READ_SECONDS = 60.0
"""For one read: a plugin's file may come from a slow server of its own."""


class GuardedSource:
    """A byte source over a plugin's.

    :param report: told of every failure
    """

    def __init__(self, source: ByteSource, plugin: str, report: Callable[[PluginError], None]) -> None:
        self._source = source
        self._plugin = plugin
        self._report = report

    def read_at(self, offset: int, length: int) -> bytes:
        """See :class:`pixiecore_core.models.ByteSource`.

        :raises BootFileError: the plugin failed, or gave what a source must not give
        """
        try:
            with Blame(self._plugin, "read_at", READ_SECONDS, self._report):
                data = self._source.read_at(offset, length)
                if not isinstance(data, (bytes, bytearray, memoryview)):
                    raise TypeError(f"{type(data).__name__} is not bytes")
                data = bytes(data)  # a view of larger items has fewer of them than bytes
                if len(data) > length:
                    raise ValueError(f"{len(data)} bytes where {length} were asked for")
        except PluginError as error:
            self._report(error)
            raise BootFileError(str(error)) from error
        return data

    def close(self) -> None:
        """Free it; a failure is reported, and hurts nobody."""
        try:
            with Blame(self._plugin, "close", READ_SECONDS, self._report):
                self._source.close()
        except PluginError as error:
            self._report(error)
        except BootFileError as error:
            self._report(PluginError(self._plugin, "close", str(error)))
