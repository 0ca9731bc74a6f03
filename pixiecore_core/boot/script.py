"""Writes the iPXE script that boots a machine: Pixiecore's own shape, plus the message it used to swallow.

Pure text. iPXE's parser knows no quotes (exec.c): words are split at white space before ``${…}`` is expanded, and a
word that is ``||``, ``&&``, ``;`` or begins with ``#`` ends the command.
"""

from __future__ import annotations

from collections.abc import Sequence

from pixiecore_core.boot.message import lines_of

_UNSET = "${nothing}"
"""A setting that is never set: expands to nothing, after iPXE has split the words."""


def asking(script_url: str) -> str:
    """The script that has iPXE ask for its own at *script_url*, in which iPXE fills in what it knows.

    Any iPXE since 2011 chains so; ``--replace`` keeps this script out of the initrd (ipxe issue 1723).
    """
    return f"#!ipxe\nchain --replace {script_url}\n"


def script(kernel_url: str, initrd_urls: Sequence[str], cmdline: str, message: str, booting_url: str) -> str:
    """The script that shows *message*, loads a kernel and its initrds and boots them.

    ``initrd=NAME`` on the command line is how a UEFI kernel finds what iPXE loaded; BIOS ignores it.
    """
    lines = ["#!ipxe", *_echo(message)]
    lines.append(f"kernel --name kernel {kernel_url}")
    lines += [f"initrd --name initrd{n} {url}" for n, url in enumerate(initrd_urls)]
    # Tells us that everything was loaded. It must not stop the boot: EFI builds may fail it (netboot issue 13).
    lines += [f"imgfetch --name ready {booting_url} ||", "imgfree ready ||"]
    words = ["boot kernel", *(f"initrd=initrd{n}" for n in range(len(initrd_urls))), cmdline]
    lines.append(" ".join(word for word in words if word))
    return "\n".join(lines) + "\n"


def to_disk(command: str, problem: str = "") -> str:
    """The script that starts the machine's own disk, or says why it does not.

    Where it fails, iPXE ends with an error: after a success, UEFI would open its menu in place of trying what is next
    in its boot order (UEFI 2.10 section 3.1.1).

    :param command: what starts the disk; empty for nothing
    :param problem: what the machine shows where there is no command
    """
    if not command:
        return "\n".join(["#!ipxe", *_echo(problem), "exit 1"]) + "\n"
    failed = "There is no disk, or nothing on it that starts: the firmware goes on"
    return f"#!ipxe\necho Starting the disk\n{command} ||\necho {failed}\nexit 1\n"


def _echo(message: str) -> list[str]:
    """*message* as ``echo`` commands, one for each of its lines, shown as it is written."""
    lines = []
    for line in lines_of(message):
        words = line.split()
        safe = [_UNSET + word if word in ("||", "&&", ";") or word.startswith("#") else word for word in words]
        if safe and safe[0].startswith("-"):
            # An empty first word keeps echo from reading the next as an option.
            safe.insert(0, _UNSET)
        lines.append(" ".join(["echo", *safe]))
    return lines
