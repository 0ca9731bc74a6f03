"""What an upstream's answer lets us keep, for how long, and how to ask whether it has changed (RFC 9110, RFC 9111).

Pure: headers and the time go in, values come out. We are a shared cache with one kind of request, so Vary does not
matter; and we guess no lifetimes, because a kernel and its initrd must be of one day.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Annotated

from pydantic import AfterValidator

from pixiecore_core.models import Model

LONGEST_LIFETIME = 365 * 86_400
"""Seconds."""
_VALUE = re.compile(r'(?:W/)?"[ !#-~]{0,512}"|[!#-~](?:[ !#-~]{0,510}[!#-~])?')
"""An ETag in its quotes, or without them, as some servers send it; or a date. RFC 9110 section 8.8.3 has no quotes
inside, and what it has beyond ASCII is nobody's.
"""
_DIRECTIVE = re.compile(r'([\w-]+)(?:\s*=\s*(?:"([^"]*)"|([^\s,]*)))?')


def _fit(text: str) -> str:
    """*text*, or nothing where it is no value that may be kept, sent back and passed on."""
    return text if _VALUE.fullmatch(text) else ""


class Validators(Model):
    """How to recognise the version of a file that we have; empty where upstream does not say.

    An upstream may send anything: a control character in an ETag would otherwise make every answer unsendable.
    """

    etag: Annotated[str, AfterValidator(_fit)] = ""
    last_modified: Annotated[str, AfterValidator(_fit)] = ""

    @property
    def strong_etag(self) -> str:
        """The ETag if it promises the same bytes (RFC 9110 section 8.8.1), else empty."""
        return self.etag if self.etag.startswith('"') else ""

    def if_changed(self) -> dict[str, str]:
        """Headers that ask for the file only if it is another version."""
        headers = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in headers.items() if value}

    def if_same(self) -> dict[str, str]:
        """Headers that ask for a range only of this version; empty where nothing could tell them apart.

        A weak ETag must not be used (RFC 9110 section 13.1.5).
        """
        value = self.strong_etag or self.last_modified
        return {"If-Range": value} if value else {}


def validators(headers: Mapping[str, str]) -> Validators:
    """What an answer says about its version."""
    return Validators(etag=headers.get("ETag", ""), last_modified=headers.get("Last-Modified", ""))


def may_keep(headers: Mapping[str, str]) -> bool:
    """Whether an answer may be kept for other machines."""
    return directives(headers).keys().isdisjoint({"no-store", "private"})


def fresh_until(headers: Mapping[str, str], now: float) -> float:
    """Until when an answer may be used without asking; *now* or earlier where it must be asked about each time.

    :param now: seconds since the epoch
    """
    said = directives(headers)
    if "no-cache" in said:
        return now
    for name in ("s-maxage", "max-age"):
        if name in said:
            lifetime = _seconds(said[name])
            break
    else:
        lifetime = _expires_in(headers, now)
    return now + min(lifetime, LONGEST_LIFETIME) - _seconds(headers.get("Age", ""))


def directives(headers: Mapping[str, str]) -> dict[str, str]:
    """The Cache-Control directives, by lower-case name; the first of each counts."""
    found: dict[str, str] = {}
    for name, quoted, token in _DIRECTIVE.findall(headers.get("Cache-Control", "")):
        found.setdefault(name.lower(), quoted or token)
    return found


def _expires_in(headers: Mapping[str, str], now: float) -> float:
    """RFC 9111 section 5.3; anything that is not a date has already expired."""
    try:
        expires = parsedate_to_datetime(headers["Expires"]).timestamp()
        asked = parsedate_to_datetime(headers["Date"]).timestamp() if "Date" in headers else now
    except (KeyError, ValueError, OverflowError):
        return 0.0
    return max(0.0, expires - asked)


def _seconds(text: str) -> float:
    return min(float(text), LONGEST_LIFETIME) if text.isascii() and text.isdigit() else 0.0
