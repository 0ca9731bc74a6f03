"""What every model is built on: frozen values, and the one spelling of a MAC address. Holds no noun of its own."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

_MAC = re.compile(r"^[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}$")


@lru_cache(maxsize=4096)
def normalise_mac(text: str) -> str:
    """*text* as lower-case hex pairs joined by colons, the form in which Pixiecore's API spells a MAC address.

    :raises ValueError: it is not six hex pairs joined by colons or dashes
    """
    lowered = text.strip().lower()
    if not _MAC.match(lowered):
        raise ValueError(f"{text!r} is not a MAC address such as 52:54:00:12:34:56")
    return lowered.replace("-", ":")


MacAddress = Annotated[str, AfterValidator(normalise_mac)]


class Model(BaseModel):
    """Base of every value that crosses a hook: frozen, and an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")
