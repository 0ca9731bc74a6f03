"""What to say of the Go Pixiecore's commands that are not here, and of the flags that it took without a command: what
docs/how-to/migrate-from-go.md says of them.

Words only; the commands that stayed are plugins'.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import metadata

_NO_IPV6 = "not there: IPv4 only"
_ANSWERS = {
    "bootipv6": _NO_IPV6,
    "ipv6api": _NO_IPV6,
    "debug dump-ipxe": "not there: no iPXE is built in; `pixiecore firmware` says where the files are",
    "debug tcpdump": "`tcpdump -w FILE -eni IFACE 'port 67 or port 68 or port 69 or port 4011'`",
}
"""As the second column of the page's table of commands has it."""
_BOOT = "`pixiecore boot K A B --cmdline=C`"
_API = "`pixiecore api URL --api-request-timeout=5s`"
_FIRST_FLAGS = {
    "kernel": _BOOT,
    "initrd": _BOOT,
    "cmdline": _BOOT,
    "api": _API,
    "api-timeout": _API,
    "port-dhcp": "`--dhcp 67`, behind `boot` or `api`",
    "port-pxe": "`--pxe 4011`, behind `boot` or `api`",
    "port-tftp": "`--tftp 69`, behind `boot` or `api`",
    "port-http": "`--port 70`, behind `boot` or `api`",
    "listen-addr": "`--listen-addr ADDRESS`, behind `boot` or `api`",
    "debug": "`--debug`, behind `boot` or `api`",
}
"""Of the very first Pixiecore, which had no commands; some of them still stand in unit files."""


def of_the_go_tool(arguments: Sequence[str]) -> str | None:
    """What has become of the command that was typed, if the Go Pixiecore had it."""
    typed = " ".join(arguments[:2]) if arguments[0] == "debug" else arguments[0]
    answers = {name: text for name, text in _ANSWERS.items() if name == typed or name.startswith(f"{typed} ")}
    if not answers:
        return None
    lines = [f"`pixiecore {name}` of the Go Pixiecore: {text}" for name, text in answers.items()]
    return "\n".join([*lines, _see()])


def of_the_first_tool(arguments: Sequence[str]) -> str | None:
    """What has become of the flag that was typed in the place of a command, if it was one of 2016."""
    flag = arguments[0].lstrip("-").partition("=")[0]
    if flag not in _FIRST_FLAGS:
        return None
    now = _FIRST_FLAGS[flag]
    return f"A command comes first. `-{flag}` without one is of the Pixiecore of 2016; now it is {now}.\n{_see()}"


def _see() -> str:
    """Where the page is: no package installs it, so it is where the project is."""
    urls = dict(url.split(", ", 1) for url in metadata("pixiecore-core").get_all("Project-URL") or [])
    return f"See {urls['Homepage']}/blob/main/docs/how-to/migrate-from-go.md"
