"""iPXE's commands, but for those that have to do with images: words, settings, jumps, waiting, the network card.

After exec.c, script.c and the files in hci/commands. Each takes what stands behind it and gives an error number, 0 for
success. What is in no table fails as a command would that a build lacks.
"""

from __future__ import annotations

from collections.abc import Callable

from pixiecore_core.testing.machines.ipxe_images import IMAGE_COMMANDS
from pixiecore_core.testing.machines.ipxe_shell import DIFFERENT, INVALID, NO_SUCH, OK, Command, Ended, Shell
from pixiecore_core.testing.machines.ipxe_text import Arguments
from pixiecore_core.testing.machines.steps import End, Outcome, Pause, Play, Tell

_NO_KEY = 0x4C000000


def _at_once(run: Callable[[Shell, Arguments], int]) -> Callable[[Shell, Arguments], Play[int]]:
    """A command that takes no step."""

    def command(shell: Shell, given: Arguments) -> Play[int]:
        yield from ()
        return run(shell, given)

    return command


def _nothing(shell: Shell, given: Arguments) -> int:
    return OK


def _set(shell: Shell, given: Arguments) -> int:
    if not given.words:
        return shell.failed(INVALID, "set: which setting?")
    name = given.words[0].partition(":")[0]
    value = " ".join(given.words[1:])
    if value:
        shell.settings[name] = value
    else:
        shell.settings.pop(name, None)
    return OK


def _increase(shell: Shell, given: Arguments) -> int:
    try:
        by = int(given.words[1], 0) if len(given.words) > 1 else 1
        shell.settings[given.words[0]] = str(int(shell.setting(given.words[0]) or "0", 0) + by)
    except (IndexError, ValueError):
        return shell.failed(INVALID, "inc: that is not a number")
    return OK


def _is_set(shell: Shell, given: Arguments) -> int:
    if len(given.words) != 1:
        return shell.failed(INVALID, "isset takes one word")
    return OK if given.words[0] else NO_SUCH


def _is_equal(shell: Shell, given: Arguments) -> int:
    if len(given.words) != 2:
        return shell.failed(INVALID, "iseq takes two words")
    return OK if given.words[0] == given.words[1] else DIFFERENT


def _go_to(shell: Shell, given: Arguments) -> int:
    running = shell.running[-1]
    for number, line in enumerate(running.lines):
        if given.words and line.label == given.words[0]:
            running.at, running.jumped = number, True
            return OK
    return shell.failed(NO_SUCH, f"goto: there is no label {given.text!r}")


def _exit(shell: Shell, given: Arguments) -> int:
    try:
        errno = int(given.words[0], 0) if given.words else OK
    except ValueError:
        return shell.failed(INVALID, f"exit: {given.words[0]!r} is not a number")
    shell.running[-1].stopped = True
    return errno


def _echo(shell: Shell, given: Arguments) -> Play[int]:
    yield Tell(f"screen: {given.text}".rstrip())
    return OK


def _sleep(shell: Shell, given: Arguments) -> Play[int]:
    try:
        seconds = int(given.words[0], 0)
    except (IndexError, ValueError):
        return shell.failed(INVALID, "sleep takes a number of seconds")
    yield Pause(max(0, seconds), shell.trouble or "its script says so")
    return OK


def _prompt(shell: Shell, given: Arguments) -> Play[int]:
    yield Tell(f"screen: {given.text}")
    try:
        seconds = int(given.options.get("timeout", "0"), 0) / 1000
    except ValueError:
        return shell.failed(INVALID, "prompt: its time-out is not a number")
    if seconds <= 0:
        raise Ended(End(Outcome.STOPPED, "it waits for a key, and nobody is there", script=shell.script))
    yield Pause(seconds, "nobody presses a key")
    return _NO_KEY


def _sanboot(shell: Shell, given: Arguments) -> Play[int]:
    if given.words:
        raise Ended(End(Outcome.BOOTED, f"it starts from {given.words[0]}", script=shell.script))
    yield Tell(f"starts its own disk {given.options.get('drive', '')}".rstrip())
    raise Ended(End(Outcome.LOCAL, "it starts its own disk", script=shell.script))


def _dhcp(shell: Shell, given: Arguments) -> Play[int]:
    return (yield from shell.asks(shell))


def _autoboot(shell: Shell, given: Arguments) -> Play[int]:
    return (yield from shell.boots(shell))


def _stop(shell: Shell, given: Arguments) -> Play[int]:
    yield Tell("its script opens a shell or a menu, or switches it off")
    raise Ended(End(Outcome.STOPPED, "it stops at a shell or a menu, or is switched off", script=shell.script))


COMMANDS: dict[str, Command] = {
    **dict.fromkeys(("ifopen", "ifclose", "ifstat", "route", "colour", "cpair"), Command({}, _at_once(_nothing))),
    "console": Command({"x": True, "y": True, "left": True, "picture": True, "keep": False}, _at_once(_nothing)),
    **dict.fromkeys(("set", "clear"), Command({}, _at_once(_set))),
    "inc": Command({}, _at_once(_increase)),
    "isset": Command({}, _at_once(_is_set)),
    "iseq": Command({}, _at_once(_is_equal)),
    "goto": Command({}, _at_once(_go_to)),
    "exit": Command({}, _at_once(_exit)),
    "echo": Command({"n": False}, _echo),
    "sleep": Command({}, _sleep),
    "prompt": Command({"key": True, "timeout": True, "set": True}, _prompt),
    "sanboot": Command({"drive": True, "no-describe": False, "keep": False, "filename": True, "extra": True}, _sanboot),
    **dict.fromkeys(("dhcp", "ifconf"), Command({"configurator": True, "timeout": True}, _dhcp)),
    "autoboot": Command({}, _autoboot),
    **dict.fromkeys(("shell", "poweroff", "menu", "login"), Command({}, _stop)),
    "reboot": Command({"warm": False, "setup": False}, _stop),
    **IMAGE_COMMANDS,
}
"""By name."""
