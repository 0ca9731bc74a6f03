"""As which user the server runs once its ports are open; pixiecore_core/hosting/accounts.py looks it up."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class AccountSettings(BaseModel):
    """A server started by root need not stay root."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    user: str | None = Field(
        default=None,
        description="started as root, become this user once the ports are open; root stays root. If not given: the "
        "user pixiecore, if there is one",
        json_schema_extra={"metavar": "NAME"},
    )
    group: str | None = Field(
        default=None,
        description="become a member of this group, instead of that user's own",
        json_schema_extra={"metavar": "NAME"},
    )
