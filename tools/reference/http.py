"""docs/reference/http.md: every path that is served, from the words behind the constants that hold them."""

from __future__ import annotations

import inspect
import re
import sys
from types import ModuleType

from pixiecore_core.boot import paths
from pixiecore_core.firmware.known import KNOWN
from pixiecore_core.web import actions, live, openapi, server, status, v1
from pixiecore_core.web import page as people

from .installed import installed
from .prose import documented, inline, one_line

_INTRODUCTION = """# HTTP paths and TFTP names

What clients ask Pixiecore for.

## HTTP"""
_MORE = """`arch` is iPXE's `${buildarch}`; the Go Pixiecore's `0` (32-bit) and `1` (64-bit) are understood too. Only
GET and HEAD are answered, others get 405; a request with a body gets 413, and one that two servers could read
differently gets 400 (RFC 9112). A token can be read and made only with the
key that sealed it (`--key-file`). A client on a network that is not served (`--interface`, `--listen-addr`) gets 403.
`/`, `/machines/`, `/_/v1/` ([as an OpenAPI document](openapi.json)) and `/_/status` are shown under an address or a
name of this host only, and [who may see them](../how-to/status-page.md) can be set: 421 for another name
(`--allow-host`), 401 without the token (`--status-token-file`), 403 from another host (`--status loopback`), 404 where
they are off or have a listener of their own.
[What a fact says](events.md), and [what is counted](events.md#counts).

To see a machine's script without switching it on:

```sh
curl 'http://127.0.0.1/_/ipxe?mac=52:54:00:12:34:56&arch=x86_64&platform=efi'
```"""
_PLUGINS = """### Pages of plugins

Those of the allowlist exist where `--allowlist-admin-token-file` is given, and want that token: 401 without one, 403
for a wrong one. Unless its URL was made for a machine, a page is shown under an address or a name of this host only:
421 for another (`--allow-host`).

Your own plugin adds pages with [`register_routes`](hooks.md)."""


def page() -> str:
    """The page."""
    rows = [row for module in (paths, *_SHOWN) for row in _rows(module)]
    parts = [_INTRODUCTION, "\n".join([*_HEAD, *rows]), _MORE, _PLUGINS]
    parts += ["\n".join([*_HEAD, *_pages_of_plugins()]), "## TFTP", _tftp()]
    return "\n\n".join(parts) + "\n"


_SHOWN = (people, v1, live, server, actions, openapi, status)
"""Whatever shows machines, or says how the server is."""
_HEAD = ["| path | answers |", "|---|---|"]


def _rows(module: ModuleType) -> list[str]:
    """A row for each constant whose name ends with ``_PATH``."""
    words, source = documented(module), inspect.getsource(module)
    rows = []
    for name, path in vars(module).items():
        if not name.endswith("_PATH") or f"\n{name} = " not in source:
            continue
        if name not in words:
            raise LookupError(f"{module.__name__}.{name} has no docstring")
        # What follows a path that goes on comes first in its words.
        below = re.match(r"``(.+?)``: ", words[name]) if path.endswith("/") else None
        text = words[name][below.end() :] if below else words[name]
        rows.append(f"| `{path}{below[1] if below else ''}` | {one_line(text[0].upper() + text[1:])} |")
    return rows


def _pages_of_plugins() -> list[str]:
    rows: list[str] = []
    for policy in installed().policies.values():
        rows += _rows(sys.modules[policy.__module__])
    return rows


def _tftp() -> str:
    names = ", ".join(f"`{loader.name}`" for loader in KNOWN.loaders())
    stubs = ", ".join(f"`{stub.name}`" for stub in KNOWN.stubs())
    autoexec = inline(documented(paths)["AUTOEXEC"])
    return (
        f"`MAC/LOADER/NAME`, with LOADER one of {names}, whatever NAME is, because signed iPXE "
        "and shim ask for their own names. Options blksize, tsize, timeout and windowsize; read requests only.\n\n"
        f"`MAC/{paths.UNIFIED}STUB/linux.efi` is made for the machine when it asks, with STUB one of {stubs}; "
        f"`{paths.efi_path('MAC')}` is the EFI program that it boots. Both are for that machine, as its script is.\n\n"
        f"`{paths.AUTOEXEC}`, by HTTP too. {autoexec}"
    )
