"""What a URL in an API's answer leads to: absolute, relative to the API, or a file below a root that the user named.

Pure: opens nothing. That a symbolic link does not lead out of the root is checked by the core on the open file.
"""

from __future__ import annotations

import os.path
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from pixiecore_core import FileRef

_PINNED = re.compile(r"#sha256=([0-9a-fA-F]{64})$")
_ALMOST_PINNED = re.compile(r"#sha[\d_-]*=", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Addresses:
    """Turns the URLs of one API's answers into file references.

    :param prefix: the API's URL without a slash at its end
    :param roots: absolute paths of the folders that ``file://`` URLs may name files in
    """

    prefix: str
    roots: Sequence[str] = ()

    def ref(self, url: str, sha256: str | None = None) -> FileRef:
        """The file that *url* names.

        :param sha256: what its bytes must hash to, in hex; ``#sha256=…`` behind the URL says it too
        :raises ValueError: it can or may not be booted from; the message says why
        """
        if not url:
            raise ValueError("is empty")
        if _CONTROL.search(url):
            raise ValueError(f"{url!r} holds a control character")
        if pinned := _PINNED.search(url):
            url, sha256 = url[: pinned.start()], sha256 or pinned[1]
        if _ALMOST_PINNED.search(url):
            # As a fragment without a meaning it would be left aside, and the file served unchecked.
            raise ValueError(f"{url!r}: a hash is written #sha256= and 64 hexadecimal digits")
        parts = split(url)
        if parts.scheme == "file":
            return self._local(url, parts, sha256)
        if not parts.scheme:
            # "10.0.0.1:80/vmlinuz": RFC 3986 section 4.2, and Go's url.Parse.
            if not url.startswith("/") and ":" in url.partition("/")[0].partition("?")[0]:
                raise ValueError(f"{url!r} has a colon in its first segment; give a whole URL, or put ./ before it")
            # Go resolves against PREFIX/v1: "/a" is at the root of the host, "a" is PREFIX/a.
            url = urljoin(f"{self.prefix}/v1", url)
        elif parts.scheme not in ("http", "https"):
            raise ValueError(f"{url!r} is neither an http, https or file URL nor relative to the API")
        if not split(url).hostname:
            raise ValueError(f"{url!r} names no host")
        return FileRef(location=url, sha256=sha256)

    def _local(self, url: str, parts: SplitResult, sha256: str | None) -> FileRef:
        path = unquote(parts.path)
        if parts.netloc not in ("", "localhost") or not path.startswith("/"):
            raise ValueError(f"{url!r} must have the form file:///absolute/path")
        if _CONTROL.search(path):
            raise ValueError(f"{url!r} holds a control character")
        if not self.roots:
            raise ValueError(f"{url!r} is refused: no folder was allowed with --file-root")
        path = "/" + os.path.normpath(path).lstrip("/")
        root = next((root for root in self.roots if PurePosixPath(path).is_relative_to(root)), None)
        if root is None:
            raise ValueError(f"{url!r} is refused: it is in no folder that --file-root allows")
        return FileRef(location=path, sha256=sha256, root=root)


def split(url: str) -> SplitResult:
    """The parts of *url*, whose host and port are such as can be.

    :raises ValueError: they are not; the message says why
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ValueError(
            f"{url!r} does not name a possible host; an IPv6 address is written as in http://[2001:db8::1]/"
        ) from None
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        raise ValueError(f"{url!r}: the port must be a number from 1 to 65535")
    return parts
