"""iPXE's commands for images: fetch, keep, free and start them (hci/commands/image_cmd.c, usr/imgmgmt.c)."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from pixiecore_core.testing.machines.ipxe_shell import INVALID, NO_SUCH, OK, Command, Held, Replaced, Shell, absolute
from pixiecore_core.testing.machines.ipxe_text import Arguments, is_script
from pixiecore_core.testing.machines.steps import Image, Play, Stage


def _acquire(shell: Shell, given: Arguments, stage: Stage) -> Play[int]:
    """Fetch an image and keep it under its name."""
    if not given.words:
        return shell.failed(INVALID, "which file?")
    try:
        timeout = int(given.options.get("timeout", "0"), 0) / 1000
    except ValueError:
        return shell.failed(INVALID, "the time-out is not a number")
    fetched = yield from shell.fetch(given.words[0], stage, timeout or None)
    if fetched.problem:
        return shell.failed(shell.errno(fetched.cause), fetched.problem)
    name = _name(given)
    image = Image(name, fetched.size, fetched.sha256, fetched.head)
    shell.images[name] = Held(image, absolute(shell.url, given.words[0]), " ".join(given.words[1:]))
    return OK


def _name(given: Arguments) -> str:
    path = urlsplit(given.words[0]).path
    return given.options.get("name") or path.rsplit("/", 1)[-1] or "image"


def _fetching(stage: Stage) -> Callable[[Shell, Arguments], Play[int]]:
    return lambda shell, given: _acquire(shell, given, stage)


def _kernel(shell: Shell, given: Arguments) -> Play[int]:
    errno = yield from _acquire(shell, given, Stage.KERNEL)
    if errno == OK:
        shell.kernel = _name(given)
    return errno


def _select(shell: Shell, given: Arguments) -> Play[int]:
    if not given.words or given.words[0] not in shell.images:
        return (yield from _kernel(shell, given))
    shell.kernel = given.words[0]
    return OK


def _chain(shell: Shell, given: Arguments) -> Play[int]:
    name = given.words[0] if given.words else ""
    if name not in shell.images:
        errno = yield from _acquire(shell, given, Stage.SCRIPT)
        if errno:
            return errno
        name = _name(given)
    held = shell.images[name]
    if not is_script(held.image.head):
        return (yield from shell.execute(name, held))
    if "replace" in given.options or "autofree" in given.options:
        shell.images.pop(name)
    if "replace" in given.options:
        raise Replaced(held)
    return (yield from shell.run(held))


def _boot(shell: Shell, given: Arguments) -> Play[int]:
    name = given.words[0] if given.words else shell.kernel
    if not name and len(shell.images) == 1:
        (name,) = shell.images
    held = shell.images.get(name)
    if held is None and "/" in name:
        return (yield from _chain(shell, given))
    if held is None:
        return shell.failed(NO_SUCH, f"boot: there is no image {name!r}" if name else "boot: nothing is loaded")
    if len(given.words) > 1:
        held.cmdline = " ".join(given.words[1:])
    return (yield from shell.execute(name, held))


def _free(shell: Shell, given: Arguments) -> Play[int]:
    yield from ()
    if not given.words:
        shell.images.clear()
    for name in given.words:
        if shell.images.pop(name, None) is None:
            return shell.failed(NO_SUCH, f"imgfree: there is no image {name!r}")
    return OK


def _stat(shell: Shell, given: Arguments) -> Play[int]:
    yield from ()
    missing = [name for name in given.words if name not in shell.images]
    return shell.failed(NO_SUCH, f"imgstat: there is no image {missing[0]!r}") if missing else OK


def _args(shell: Shell, given: Arguments) -> Play[int]:
    yield from ()
    held = shell.images.get(given.words[0]) if given.words else None
    if held is None:
        return shell.failed(NO_SUCH, "imgargs: there is no such image")
    held.cmdline = " ".join(given.words[1:])
    return OK


_FETCHES = {"name": True, "timeout": True, "autofree": False, "replace": False}
IMAGE_COMMANDS: dict[str, Command] = {
    "imgfetch": Command(_FETCHES, _fetching(Stage.REPORT)),
    **dict.fromkeys(("initrd", "module"), Command(_FETCHES, _fetching(Stage.INITRD))),
    "kernel": Command(_FETCHES, _kernel),
    **dict.fromkeys(("imgselect", "imgload"), Command(_FETCHES, _select)),
    "chain": Command(_FETCHES, _chain),
    **dict.fromkeys(("boot", "imgexec"), Command(_FETCHES, _boot)),
    "imgfree": Command({}, _free),
    "imgstat": Command({}, _stat),
    "imgargs": Command({}, _args),
}
"""By name."""
