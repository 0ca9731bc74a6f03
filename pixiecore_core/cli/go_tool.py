"""What to say of the Go Pixiecore's commands that are not here: what docs/how-to/migrate-from-go.md says of them.

Words only; the commands that stayed are plugins'.
"""

from __future__ import annotations

from collections.abc import Sequence

_NO_IPV6 = "not there: IPv4 only"
_ANSWERS = {
    "bootipv6": _NO_IPV6,
    "ipv6api": _NO_IPV6,
    "debug dump-ipxe": "not there: no iPXE is built in; `pixiecore firmware` says where the files are",
    "debug tcpdump": "`tcpdump -w FILE -eni IFACE 'port 67 or port 68 or port 69 or port 4011'`",
}
"""As the second column of the page's table of commands has it."""


def of_the_go_tool(arguments: Sequence[str]) -> str | None:
    """What has become of the command that was typed, if the Go Pixiecore had it."""
    typed = " ".join(arguments[:2]) if arguments[0] == "debug" else arguments[0]
    answers = {name: text for name, text in _ANSWERS.items() if name == typed or name.startswith(f"{typed} ")}
    if not answers:
        return None
    lines = [f"`pixiecore {name}` of the Go Pixiecore: {text}" for name, text in answers.items()]
    return "\n".join([*lines, "See docs/how-to/migrate-from-go.md."])
