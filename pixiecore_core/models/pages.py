"""A request for a plugin's own page, and what the page says."""

from __future__ import annotations

from pydantic import Field

from pixiecore_core.models.base import MacAddress, Model


class PageRequest(Model):
    """A request for a plugin's own page."""

    path: str
    method: str = Field(default="GET", description="GET or POST")
    query: dict[str, str] = Field(default={}, description="the parameters; of one that appears twice, the first")
    mac: MacAddress | None = Field(
        default=None, description="whose boot the URL was made for; None for a URL that was not made with url_for.page"
    )
    headers: dict[str, str] = Field(default={}, description="the request's headers, by their names in lower case")
    body: bytes = Field(default=b"", description="of a POST; up to 64 KiB")
    token: str = Field(default="", description="what 'Authorization: Bearer' carries")
    address: str = Field(default="", description="of the client")


class PageAnswer(Model):
    """What a plugin's page says."""

    text: str = ""
    status: int = Field(default=200, ge=200, le=599)
    content_type: str = Field(default="text/plain; charset=utf-8", pattern=r"^[\x20-\x7e]+$")
