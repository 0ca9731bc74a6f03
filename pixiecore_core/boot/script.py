"""Writes the iPXE script that boots a machine: Pixiecore's own shape, plus the message it used to swallow.

Pure text. iPXE's parser knows no quotes (exec.c): words are split at white space before ``${…}`` is expanded, and a
word that is ``||``, ``&&``, ``;`` or begins with ``#`` ends the command.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pixiecore_core.boot.message import lines_of

_UNSET = "${nothing}"
"""A setting that is never set: expands to nothing, after iPXE has split the words."""


def asking(script_url: str, failed_url: str) -> str:
    """The script that has iPXE ask for its own at *script_url*, in which iPXE fills in what it knows.

    Any iPXE since 2011 chains so; ``--replace`` keeps this script out of the initrd (ipxe issue 1723).

    :param failed_url: asked what to do where a step fails; as in the others
    """
    return _lines("#!ipxe", *_step("script", f"chain --replace {script_url}"), *_failed(failed_url))


def script(
    kernel_url: str, initrd_urls: Sequence[str], cmdline: str, message: str, booting_url: str, failed_url: str
) -> str:
    """The script that shows *message*, loads a kernel and its initrds and boots them.

    ``initrd=NAME`` on the command line is how a UEFI kernel finds what iPXE loaded; BIOS ignores it.
    """
    lines = ["#!ipxe", *_echo(message), *_step("kernel", f"kernel --name kernel {kernel_url}")]
    for n, url in enumerate(initrd_urls):
        lines += _step(f"initrd{n}", f"initrd --name initrd{n} {url}")
    # Tells us that everything was loaded. It must not stop the boot: EFI builds may fail it (netboot issue 13).
    lines += [f"imgfetch --name ready {booting_url} ||", "imgfree ready ||"]
    words = ["boot kernel", *(f"initrd=initrd{n}" for n in range(len(initrd_urls))), cmdline]
    lines += _step("boot", " ".join(word for word in words if word))
    # An EFI program may end, and say that all is well.
    return _lines(*lines, "exit", *_failed(failed_url))


def to_disk(command: str, problem: str = "", failed_url: str = "") -> str:
    """The script that starts the machine's own disk, or says why it does not.

    Where it fails, iPXE ends with an error: after a success, UEFI would open its menu in place of trying what is next
    in its boot order (UEFI 2.10 section 3.1.1).

    :param command: what starts the disk; empty for nothing
    :param problem: what the machine shows where there is no command
    """
    if not command:
        return _lines("#!ipxe", *_echo(problem), "exit 1")
    return _lines("#!ipxe", "echo Starting the disk", *_step("disk", command), *_failed(failed_url))


def after_failure(problem: str, then: str, seconds: int | None, again_url: str) -> str:
    """The script that says what failed and what is tried, and tries it.

    :param seconds: to wait before *again_url* is asked for; ``None`` gives up, and leaves the machine to its firmware
    """
    if seconds is None:
        return _lines("#!ipxe", *_echo(f"{problem}; {then}"), "exit 1")
    # What was loaded so far would be loaded a second time, and BIOS kernels are given all of it.
    return _lines(
        "#!ipxe", "imgfree ||", *_echo(f"{problem}; {then}"), f"sleep {seconds}", f"chain --replace {again_url}"
    )


STEP = re.compile(r"script|kernel|initrd[0-9]{1,4}|boot|disk")
"""What a step may be called that fails."""


def _step(name: str, command: str) -> list[str]:
    """One step, with its name for the report of its failure."""
    return [f"set step {name}", f"{command} || goto failed"]


def _failed(url: str) -> list[str]:
    """Where a step fails: the server is told, and asked what to do; without it, the machine goes on by itself.

    ``${errno}`` is the last command's, which 2019 builds fill in; ``${dmesg}`` is of builds from July 2026 on, and
    empty before.
    """
    told = f"{url}&step=${{step}}&errno=${{errno}}&dmesg=${{dmesg:uristring}}"
    return [
        ":failed",
        "set problem ${step} failed with iPXE error ${errno}",
        f"chain --replace {told} ||",
        "echo Pixiecore: ${problem}, and the server cannot be asked; the firmware goes on",
        "exit 1",
    ]


def _lines(*lines: str) -> str:
    return "\n".join(lines) + "\n"


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
