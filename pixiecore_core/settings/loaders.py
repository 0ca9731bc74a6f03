"""Where the first-stage loaders are, as settings: one for each loader of a table of firmware, plugins' among them.

Looks for no file: pixiecore_core/firmware/finding.py does.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, create_model

from pixiecore_core.firmware.table import FirmwareTable


class LoaderSettings(BaseModel):
    """Where the first-stage loaders are; :func:`with_loaders` adds a setting for each."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def loaders(self, firmware: FirmwareTable) -> dict[str, Path]:
        """The paths that were given, by the loader's name, or the stub's setting."""
        paths = {loader.name: getattr(self, loader.setting, None) for loader in firmware.loaders()}
        paths |= {stub.setting: getattr(self, stub.setting, None) for stub in firmware.stubs()}
        return {name: path for name, path in paths.items() if path is not None}


L = TypeVar("L", bound=LoaderSettings)


@lru_cache(maxsize=32)
def with_loaders(model: type[L], firmware: FirmwareTable) -> type[L]:
    """*model* with a setting for each loader of a table."""
    fields: dict[str, Any] = {
        loader.setting: (
            Path | None,
            Field(
                default=None,
                description=f"iPXE for {loader.serves}, such as {loader.files[0]}",
                json_schema_extra={"metavar": "PATH"},
            ),
        )
        for loader in firmware.loaders()
    }
    fields |= {
        stub.setting: (
            Path | None,
            Field(
                default=None,
                description=f"systemd's EFI stub for {stub.name}, such as {stub.files[0]}: what --uefi-direct makes "
                "files with",
                json_schema_extra={"metavar": "PATH"},
            ),
        )
        for stub in firmware.stubs()
    }
    made: type[L] = create_model(model.__name__, __base__=model, **fields)
    return made
