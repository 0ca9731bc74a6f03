"""Writes the configuration by which a signed GRUB boots a machine: pure text.

GRUB's language is a shell's (GRUB manual, "Writing full configuration files directly"). Every word that comes from
outside stands in single quotes, in which nothing but the quote itself has a meaning, so no command line and no message
can end its command. The loop around it belongs to the first configuration, which leads each machine to its own.
"""

from __future__ import annotations

from collections.abc import Sequence

from pixiecore_core.boot.message import lines_of
from pixiecore_core.errors import CmdlineError

ASK_AGAIN_SECONDS = 5
"""After a failure."""
_SPACES = " \t\r\n\f\v"


def first_config(server: str, folder: str, name: str) -> str:
    """What any GRUB is sent that asks in the root: it fills in its own address, and asks again until it boots.

    Debian's looks nowhere else. What is loaded by ``configfile`` ends without a boot where it has to wait or fails.

    :param server: our address
    :param folder: what stands for the chain in a path, up to the processor, for which GRUB has the same names as we
    :param name: of the machine's own configuration
    """
    own = f"(tftp,{server})/$net_default_mac/{folder}$grub_cpu/{name}"
    return f'while true; do\n  configfile "{own}"\n  sleep {ASK_AGAIN_SECONDS}\ndone\n'


def boot_config(server: str, kernel: str, initrds: Sequence[str], cmdline: str, message: str) -> str:
    """What boots a kernel.

    :param kernel: the TFTP name of it
    :param initrds: their TFTP names
    :raises CmdlineError: GRUB cannot hand on the command line as it is
    """
    words = [quoted(word) for word in kernel_words(cmdline)]
    lines = [*_echo(message), " ".join(["linux", quoted(f"(tftp,{server})/{kernel}"), *words])]
    if initrds:
        lines.append(" ".join(["initrd", *(quoted(f"(tftp,{server})/{name}") for name in initrds)]))
    return "\n".join([*lines, "boot"]) + "\n"


def hold_config(words: str, seconds: int) -> str:
    """What has a machine wait: GRUB shows *words*, and then asks again."""
    rest = max(0, seconds - ASK_AGAIN_SECONDS)
    return "\n".join([*_echo(words), f"sleep {rest}"]) + "\n"


def quoted(word: str) -> str:
    """*word* as one word of GRUB's language, with no other meaning."""
    return "'" + word.replace("'", "'\\''") + "'"


def kernel_words(cmdline: str) -> list[str]:
    """The words of a command line as the kernel splits them (lib/cmdline.c, next_arg): double quotes hold one together,
    and are not part of it. An empty one says nothing. GRUB puts a word that holds a space into double quotes again.

    :raises CmdlineError: a character that GRUB would put a backslash before, which the kernel takes as it is
        (grub-core/lib/cmdline.c), or one that cannot be shown
    """
    words: list[str] = []
    word, inside = "", False
    for position, character in enumerate(cmdline):
        if character in "\\'":
            raise CmdlineError(
                f"GRUB cannot hand on a command line with {character!r}: it would put a backslash before it", position
            )
        if character == '"':
            inside = not inside
        elif character in _SPACES and not inside:
            if word:
                words.append(word)
            word = ""
        elif not character.isprintable():
            raise CmdlineError(f"GRUB cannot hand on a command line with {character!r}", position)
        else:
            word += character
    if word:
        words.append(word)
    return words


def _echo(message: str) -> list[str]:
    """*message* as ``echo`` commands, one for each of its lines; the empty word keeps a line from being an option."""
    lines = lines_of(message)
    return [f"echo '' {quoted(line)}" if line.startswith("-") else f"echo {quoted(line)}" for line in lines]
