"""A readme as a registry shows it: by itself, so that whatever it links to must have an address in the repository.

A page has one below ``blob``. There a picture has a page about it, and below ``raw`` it is itself; an SVG only with
``sanitize=true``, for without that it may come as plain text, which no browser draws.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from tools.metadata import REPOSITORY, VERSION

_LINK = re.compile(r"(?P<picture>!\[[^\]]*)?\]\((?!https?:|#)(?P<path>[^)]+)\)")


def with_addresses(text: str, folder: Path) -> str:
    """The readme of this folder of the repository, its relative links made absolute."""

    def absolute(found: re.Match[str]) -> str:
        path = os.path.normpath(folder / found["path"])
        if found["picture"] is None:
            return f"]({REPOSITORY}/blob/v{VERSION}/{path})"
        drawn = "?sanitize=true" if path.endswith(".svg") else ""
        return f"{found['picture']}]({REPOSITORY}/raw/v{VERSION}/{path}{drawn})"

    return _LINK.sub(absolute, text)
