"""Where the first-stage loaders are, as settings: one for each loader of a table of firmware, plugins' among them.

Looks for no file: pixiecore_core/firmware/finding.py does.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, create_model

from pixiecore_core.firmware.rows import Loader, Stub
from pixiecore_core.firmware.table import FirmwareTable


class LoaderSettings(BaseModel):
    """Where the first-stage loaders are; :func:`with_loaders` adds a setting for each."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def loaders(self, firmware: FirmwareTable) -> dict[str, Path]:
        """The paths that were given, of loaders and stubs, by their settings."""
        wanted: tuple[Loader | Stub, ...] = (*firmware.loaders(), *firmware.stubs())
        paths = {one.setting: getattr(self, one.setting, None) for one in wanted}
        return {setting: path for setting, path in paths.items() if path is not None}


L = TypeVar("L", bound=LoaderSettings)


@lru_cache(maxsize=32)
def with_loaders(model: type[L], firmware: FirmwareTable) -> type[L]:
    """*model* with a setting for each loader and each stub of a table."""
    told = {one.setting: f"iPXE for {one.serves}, such as {one.files[0]}" for one in firmware.loaders()}
    told |= {
        one.setting: f"systemd's EFI stub for {one.name}, such as {one.files[0]}: --uefi-direct makes its files with it"
        for one in firmware.stubs()
    }
    fields: dict[str, Any] = {
        setting: (Path | None, Field(default=None, description=words, json_schema_extra={"metavar": "PATH"}))
        for setting, words in told.items()
    }
    made: type[L] = create_model(model.__name__, __base__=model, **fields)
    return made
