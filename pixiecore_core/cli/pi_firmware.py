"""Finds the folder with firmware for Raspberry Pis, and sees that it is one. Reads none of it."""

from __future__ import annotations

import os
from pathlib import Path

from pixiecore_core.errors import ConfigError
from pixiecore_core.settings.server import ServerSettings

_OPTION = "--pi-firmware"
_ANY_OF = ("bootcode.bin", "start.elf", "start4.elf", "config.txt")
"""What a Pi 3, 4 or 5 asks for first."""


def pi_firmware(settings: ServerSettings) -> Path | None:
    """The folder, if one is named.

    :raises ConfigError: it is none, or has nothing that a Pi asks for
    """
    folder = settings.pi_firmware
    if folder is None:
        return None
    try:
        folders = [folder, *(one for one in folder.iterdir() if one.is_dir())]  # for all, and for each by serial number
        names = {name for one in folders for name in os.listdir(one)}
    except OSError as error:
        raise ConfigError(_OPTION, f"{folder} cannot be read: {error.strerror}") from error
    if names.isdisjoint(_ANY_OF):
        raise ConfigError(_OPTION, f"{folder} has no firmware: none of {', '.join(_ANY_OF)} is in it")
    return folder.absolute()
