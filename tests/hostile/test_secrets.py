"""No error tells a secret: whatever goes wrong with a URL that holds one, log, page and machine get it without."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from pixiecore_core import (
    BootFile,
    BootFileError,
    BootFileNotReady,
    BootSpec,
    CmdlineError,
    FileRef,
    Hold,
    Ignore,
    LocalDisk,
)
from pixiecore_core.models.facts import Failed
from tests.net.test_boot_pages import MAC, SCRIPT, Site

SECRET = "hunter2"
URL = f"http://user:{SECRET}@127.0.0.1:1/vmlinuz?token={SECRET}"


def raising(error: BaseException) -> Callable[..., Any]:
    def hook(machine: object) -> None:
        raise error

    return hook


def raising_for_a_file(error: BaseException) -> Callable[..., Any]:
    def hook(ref: object) -> None:
        raise error

    return hook


def broken_while_it_is_read(ref: FileRef) -> BootFile:
    class Source:
        def read_at(self, offset: int, length: int) -> bytes:
            raise BootFileError(URL)

        def close(self) -> None: ...

    return BootFile(name="x", size=10, source=Source())


KERNEL = FileRef(location=URL)
ERROR_PATHS: dict[str, dict[str, Callable[..., Any]]] = {
    "a plugin raises": {"select_boot": raising(ValueError(f"'{URL}' is no URL"))},
    "a plugin answers nonsense": {"select_boot": lambda machine: URL},
    "a refusal": {"select_boot": lambda machine: Ignore(reason=URL)},
    "the way to its disk": {"select_boot": lambda machine: LocalDisk(reason=URL)},
    "a wait": {"select_boot": lambda machine: Hold(reason=URL)},
    "a spec that is none": {
        "select_boot": lambda machine: BootSpec(kernel=FileRef(location=f"http://u:{SECRET}@h:99999/"))
    },
    "too long a URL": {"select_boot": lambda machine: BootSpec(kernel=FileRef(location=URL + "x" * 7000))},
    "too long a password": {
        "select_boot": lambda machine: BootSpec(kernel=FileRef(location=f"http://u:{SECRET * 900}@h/x"))
    },
    "a broken command line": {"select_boot": lambda machine: BootSpec(kernel=KERNEL, cmdline=f'{{{{ ID "{URL}" }}}}')},
    "the command line's author": {"render_cmdline": raising(CmdlineError(URL, 3))},
    "the script's author": {"render_script": raising(RuntimeError(URL))},
    "an upstream that is away": {"select_boot": lambda machine: BootSpec(kernel=KERNEL)},
    "a file that cannot be opened": {"open_boot_file": raising_for_a_file(BootFileError(URL))},
    "a file that is on its way": {"open_boot_file": raising_for_a_file(BootFileNotReady(URL, 1))},
    "a plugin that opens no file": {"open_boot_file": raising_for_a_file(OSError(URL))},
    "a file that cannot be read": {"open_boot_file": broken_while_it_is_read},
    "a loader that cannot be opened": {"provide_bootloader": raising(BootFileError(URL))},
    "a plugin that gives no loader": {"provide_bootloader": raising(OSError(URL))},
}


@pytest.mark.parametrize("hooks", ERROR_PATHS.values(), ids=ERROR_PATHS)
def test_no_error_path_tells_a_secret(tmp_path: Path, hooks: dict[str, Callable[..., Any]]) -> None:
    site = Site(tmp_path)
    if "select_boot" not in hooks:
        site.plugin("boots", select_boot=lambda machine: site.spec)
    site.plugin("faulty", **hooks)
    told = [site.get(SCRIPT).text]
    paths = [*re.findall(r"/_/file\S+", told[0])[:1], f"/_/loader/{MAC}/efi-x64/snponly.efi"]
    for path in paths:
        with suppress(ConnectionResetError):  # how a body that cannot go on is ended
            told.append(site.get(path).data.decode("latin-1"))
    assert site.log.getvalue(), "something happened"
    seen = [*told, site.log.getvalue(), site.get("/").text, site.get("/_/status").text]
    assert SECRET not in "\n".join(seen)


def test_no_line_of_a_plugin_or_of_a_traceback_tells_one(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.core.logger.warning(f"my own words on {URL}", subsystem="Plugin")
    try:
        raise RuntimeError(URL)
    except RuntimeError as error:
        site.core.logger.warning("Where that came from:", subsystem="Plugin", exc_info=error)
    site.core.bus.report(Failed(mac=MAC, via="Files", step="file", reason="x" * 1990 + URL))
    lines = site.log.getvalue()
    assert lines.count("127.0.0.1:1") == 2
    assert SECRET not in lines
