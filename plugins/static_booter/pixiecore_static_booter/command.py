"""``pixiecore boot KERNEL [INITRD…]``: the command that users of the Go Pixiecore type, over the static booter."""

from __future__ import annotations

from typing import Any

import click

from pixiecore_core import serving_command


@click.command("boot", short_help="Boot every machine into one kernel.")
@click.argument("kernel")
@click.argument("initrd", nargs=-1)
@click.option(
    "--cmdline", metavar="TEXT", help='Kernel command line; {{ ID "path-or-url" }} becomes a URL of that file.'
)
@click.option("--bootmsg", metavar="TEXT", help="Message to show on the machine's screen before it boots.")
# The Go tool's, which stand in people's unit files; they have no meaning here.
@click.option("--status-port", hidden=True, expose_value=False)
@click.option("--ui-assets-dir", hidden=True, expose_value=False)
@serving_command
def boot(serve: Any, kernel: str, initrd: tuple[str, ...], cmdline: str | None, bootmsg: str | None) -> None:
    """Boot every machine that asks into KERNEL, with each INITRD, beside the DHCP server you have.

    KERNEL and INITRD are paths or http(s) URLs. For example:

        pixiecore boot ./vmlinuz ./initrd.img --cmdline='console=ttyS0 quiet'
    """
    settings = {"kernel": kernel, "initrd": list(initrd), "cmdline": cmdline, "message": bootmsg}
    arguments = {"kernel": "KERNEL", "initrd": "INITRD", "message": "--bootmsg"}
    serve("static", {key: value for key, value in settings.items() if value}, arguments)
