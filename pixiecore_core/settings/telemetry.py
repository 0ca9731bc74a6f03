"""Where traces of boots are sent."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

_PATH = "/v1/traces"
"""Where an OTLP receiver takes traces, if its URL says nothing else (OTLP specification, OTLP/HTTP Request)."""


def _endpoint(text: str) -> str:
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ValueError("give the http(s) URL of an OTLP receiver, such as http://127.0.0.1:4318")
    return text.rstrip("/") + _PATH if parts.path in ("", "/") and not parts.query else text


class TelemetrySettings(BaseModel):
    """What is told to other programs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    otlp_endpoint: Annotated[str, AfterValidator(_endpoint)] | None = Field(
        default=None,
        description="URL of an OpenTelemetry receiver (OTLP over HTTP) that is sent a trace of each boot attempt; "
        "needs pixiecore-core[otel]",
        json_schema_extra={"metavar": "URL"},
    )
