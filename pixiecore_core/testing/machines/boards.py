"""What boards do that boot without iPXE: U-Boot's ``pxe get`` and ``pxe boot``, and a Pi's ROM. Opens nothing.

After U-Boot's net/bootp.c and boot/pxe_utils.c, and Raspberry Pi's documentation of its bootloader.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pixiecore_core.testing.machines.firmware import chosen
from pixiecore_core.testing.machines.offers import for_pi, for_u_boot
from pixiecore_core.testing.machines.packets import Who
from pixiecore_core.testing.machines.rows import Row
from pixiecore_core.testing.machines.steps import (
    End,
    Fetched,
    FetchTftp,
    Image,
    Outcome,
    Play,
    Stage,
    Tell,
    fetch,
)

_BOOT_SCRIPT = "boot.scr.uimg"
_SCRIPT_HEADER = 72
"""Bytes before the text of a U-Boot script: the image's header, and the list of its sizes."""


def u_boot(row: Row, who: Who, strict: bool, alone: bool) -> Play[End]:
    """Boot as U-Boot does."""
    choice = yield from chosen(row, who, for_u_boot, strict, alone)
    if choice is None:
        return End(Outcome.NO_OFFER, "nobody offers U-Boot a boot file")
    offer = choice.offer
    server = str(offer.server)
    script = yield from fetch(FetchTftp(Stage.LOADER, server, _BOOT_SCRIPT, row.tftp))
    if not script.problem:
        text = script.head[_SCRIPT_HEADER:].decode("utf-8", "replace")
        yield Tell(f"its boot script says: {' '.join(text.split())}")
        if "pxe get" not in text:
            return End(Outcome.LOADER, "U-Boot starts a script that is not imitated", script=text)
    folder = offer.file.rpartition("/")[0]
    for name in _config_names(who):
        path = f"{folder}/{name}".lstrip("/")
        config = yield from fetch(FetchTftp(Stage.SCRIPT, server, path, row.tftp))
        if not config.problem:
            return (yield from _pxe_boot(row, server, folder, config))
    return End(Outcome.FAILED, "U-Boot finds no configuration")


def _config_names(who: Who) -> Iterator[str]:
    """The names in their order (boot/pxe_utils.c): by MAC address, by the digits of the address, and default."""
    yield f"pxelinux.cfg/01-{who.mac.replace(':', '-')}"
    digits = who.address.packed.hex().upper()
    for length in range(len(digits), 0, -1):
        yield f"pxelinux.cfg/{digits[:length]}"
    for name in ("default-arm-qemu-arm", "default-arm", "default"):
        yield f"pxelinux.cfg/{name}"


def label_of(config: str) -> dict[str, str]:
    """What the default label of a configuration says, by its first words; the first label where none is the default."""
    default, labels, label = "", {"": dict[str, str]()}, ""
    for line in config.splitlines():
        word, _, rest = line.strip().partition(" ")
        word, rest = word.lower(), rest.strip()
        if word in ("default", "ontimeout"):
            default = rest
        elif word == "label":
            label = rest
            labels[label] = {}
        elif word:
            labels[label]["kernel" if word in ("linux", "fit") else word] = rest
    return labels.get(default) or next((one for name, one in labels.items() if name), {})


def _pxe_boot(row: Row, server: str, folder: str, config: Fetched) -> Play[End]:
    """Fetch what a label names, in U-Boot's order: initrd, kernel, device tree (label_boot)."""
    text = config.head.decode("utf-8", "replace")
    label = label_of(text)
    images: dict[str, Image] = {}
    for part, stage in (("initrd", Stage.INITRD), ("kernel", Stage.KERNEL), ("fdt", Stage.INITRD)):
        name = label.get(part)
        if name is None:
            continue
        path = name.lstrip("/") if name.startswith("/") else f"{folder}/{name}".lstrip("/")
        fetched = yield from fetch(FetchTftp(stage, server, path, row.tftp))
        if fetched.problem:
            return End(Outcome.FAILED, f"U-Boot cannot fetch {path}: {fetched.problem}", script=text)
        images[part] = Image(path.rsplit("/", 1)[-1], fetched.size, fetched.sha256, fetched.head)
    if "kernel" not in images:
        return End(Outcome.FAILED, "the configuration names no kernel", script=text)
    rest = tuple(images[part] for part in ("initrd", "fdt") if part in images)
    return End(Outcome.BOOTED, "U-Boot starts the kernel", images["kernel"], rest, label.get("append", ""), text)


_NEEDED = "start4.elf"
_FILES = ("config.txt", _NEEDED, "fixup4.dat", "bcm2711-rpi-4-b.dtb", "cmdline.txt")
"""Those of a Pi 4, in the order in which its ROM and then its firmware fetch them."""
_KERNEL = re.compile(r"^\s*kernel\s*=\s*(\S+)", re.MULTILINE)
_INITRD = re.compile(r"^\s*initramfs\s+(\S+)", re.MULTILINE)


def pi(row: Row, who: Who, strict: bool, alone: bool) -> Play[End]:
    """Boot as a Raspberry Pi does: each file first in the folder that its serial number names, then in the root."""
    choice = yield from chosen(row, who, for_pi, strict, alone)
    if choice is None:
        return End(Outcome.NO_OFFER, "nobody offers the Pi a boot menu that says 'Raspberry Pi Boot'")
    server, serial = str(choice.offer.fetches_from), who.mac.replace(":", "")[-8:]

    def one(name: str, stage: Stage) -> Play[Fetched]:
        fetched = Fetched()
        for path in (f"{serial}/{name}", name):
            fetched = yield from fetch(FetchTftp(stage, server, path, row.tftp))
            if not fetched.problem:
                break
        return fetched

    found: dict[str, Fetched] = {}
    for name in _FILES:
        fetched = yield from one(name, Stage.LOADER)
        if not fetched.problem:
            found[name] = fetched
        elif name == _NEEDED:
            return End(Outcome.FAILED, f"the Pi cannot fetch {name}: {fetched.problem}")
    config = _text(found.get("config.txt"))
    images: list[Image] = []
    wanted = [(_KERNEL, "kernel8.img", Stage.KERNEL), (_INITRD, "", Stage.INITRD)]
    for pattern, usual, stage in wanted:
        match = pattern.search(config)
        name = match[1] if match else usual
        if not name:
            continue
        fetched = yield from one(name, stage)
        if fetched.problem:
            return End(Outcome.FAILED, f"the Pi cannot fetch {name}: {fetched.problem}", script=config)
        images.append(Image(name, fetched.size, fetched.sha256, fetched.head))
    cmdline = " ".join(_text(found.get("cmdline.txt")).split())
    reason = "the Pi starts its kernel, or the loader that is called so"
    return End(Outcome.BOOTED, reason, images[0], tuple(images[1:]), cmdline, config)


def _text(fetched: Fetched | None) -> str:
    return "" if fetched is None else fetched.head.decode("utf-8", "replace")
