"""Opens any boot file: one on this host's disks, or one on another web server, through the cache if there is one.

The only face of this folder that the rest of the core sees. Decides nothing about who may have a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pixiecore_core.files.cache import Cache
from pixiecore_core.files.local import open_local
from pixiecore_core.files.upstream import Upstream, pass_through
from pixiecore_core.models import BootFile, FileRef


@dataclass(frozen=True, slots=True)
class FilePlane:
    """Where boot bytes come from.

    :param cache: for files from other web servers; without one, every transfer makes its own upstream request
    """

    cache: Cache | None = None
    upstream: Upstream = field(default_factory=Upstream)

    def open(self, ref: FileRef) -> BootFile:
        """Open *ref*.

        :raises BootFileError: it is not available, or is not what it must be; see the subclasses
        """
        if not ref.is_url:
            return open_local(ref.location, ref.root, ref.sha256)
        return self.cache.open(ref) if self.cache is not None else pass_through(self.upstream, ref)

    def counts(self) -> Mapping[str, int]:
        """How often the cache answered how: hit, joined, miss, passed."""
        return self.cache.answers if self.cache is not None else {}

    def stop(self) -> None:
        """Give up the downloads that are under way."""
        if self.cache is not None:
            self.cache.stop()
