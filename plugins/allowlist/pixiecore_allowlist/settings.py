"""The policy's settings, each checked when Pixiecore starts and not when the first machine asks."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from pixiecore_allowlist.rules import at_once, parse_rule, read_rules
from pixiecore_core import user_folder

_TOKEN = re.compile(rb"[\x21-\x7e]+")


def default_database() -> Path:
    """Where the state is kept unless somebody says otherwise."""
    return user_folder("state") / "allowlist.sqlite"


def read_token(path: str) -> bytes:
    """The token in a file.

    :raises ValueError: it cannot be read, or does not hold one word; the message never says what it does hold
    """
    try:
        with open(path, "rb", opener=at_once) as file:
            text = (file.read(1 << 16) or b"").strip()
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error
    if not _TOKEN.fullmatch(text):
        raise ValueError(f"{path} does not hold a token: one word of printable ASCII")
    return text


def _rule(value: str) -> str:
    parse_rule(value)
    return value


def _absolute(value: str) -> str:
    return os.path.abspath(os.path.expanduser(value))


def _rule_file(value: str) -> str:
    read_rules(value)
    return value


def _token_file(value: str) -> str:
    read_token(value)
    return value


class AllowlistSettings(BaseModel):
    """The policy's settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    allow: list[Annotated[str, AfterValidator(_rule)]] = Field(
        default=[],
        description="machines that boot: a MAC address or its first pairs (52:54:00), a UUID, or a subnet "
        "(192.0.2.0/24); may be repeated",
        json_schema_extra={"metavar": "RULE"},
    )
    file: Annotated[str, AfterValidator(_absolute), AfterValidator(_rule_file)] | None = Field(
        default=None,
        description="file with more such rules, one a line, # for comments; read again when it changes",
        json_schema_extra={"metavar": "PATH"},
    )
    enabled: bool = Field(
        default=False,
        description="let only listed and approved machines boot, even if neither allow nor file is given",
    )
    unlisted: Literal["hold", "ignore"] = Field(
        default="hold",
        description="what to do with machines that are neither listed nor approved: hold lets them wait, "
        "ignore stays silent",
        json_schema_extra={"metavar": "hold|ignore"},
    )
    database: Path = Field(
        default_factory=default_database,
        description="SQLite file that remembers which machines were seen, approved and denied",
        json_schema_extra={"metavar": "PATH", "shown": "allowlist.sqlite in the state folder"},
    )
    admin_token_file: Annotated[str, AfterValidator(_absolute), AfterValidator(_token_file)] | None = Field(
        default=None,
        description="allow anyone who sends the token in this file to list, approve and deny machines over HTTP, at "
        "/allowlist/",
        json_schema_extra={"metavar": "PATH"},
    )

    @property
    def active(self) -> bool:
        """Whether the policy does anything: a list that is given counts even when it is empty."""
        given = self.model_fields_set
        return self.enabled if "enabled" in given else "allow" in given or self.file is not None
