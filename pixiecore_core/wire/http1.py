"""The head of an HTTP/1 request, judged as strictly as RFC 9112: two readers must never see two different requests.

What the RFC forbids is a :class:`WireError`. What it lets us tolerate, and what clients are known to send anyway, is
*loose*: it may be answered, but nothing that follows it on the connection may be. Judges lines; reads none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pixiecore_core.errors import WireError

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_REQUEST = re.compile(rb"(%b) ([\x21-\x7e\x80-\xff]+) HTTP/1\.([0-9])(\r?)\n" % _TOKEN)
# RFC 9112 section 2.2: a lone LF may end a line. curl sends a path's umlauts as they were typed.
_ORIGIN_FORM = re.compile(rb"/(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*")
_FIELD = re.compile(
    rb"(%b):[ \t]*((?:[\x21-\x7e\x80-\xff](?:[ \t\x21-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?)[ \t]*(\r?)\n" % _TOKEN
)
_HOST = re.compile(rb"(?:\[[0-9A-Za-z:.%_~-]+\]|(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)(?::[0-9]*)?")


def is_loose_request_line(line: bytes) -> bool:
    """Whether a request line, with its end, is not quite what RFC 9112 section 3 has.

    :raises WireError: it cannot be used
    """
    found = _REQUEST.fullmatch(line)
    if found is None:
        raise WireError("not a request line")
    target, carriage_return = found[2], found[4]
    return not carriage_return or _ORIGIN_FORM.fullmatch(target) is None


def are_loose_fields(lines: Sequence[bytes], minor: int) -> bool:
    """Whether header lines, with their ends, are not quite what RFC 9112 section 5 has.

    :param minor: of the request's version, 0 or 1
    :raises WireError: a line is none, or the length of the body would be a matter of opinion (section 6.3)
    """
    said: dict[bytes, list[bytes]] = {}
    loose = False
    for line in lines:
        # A folded line, a space before the colon, a lone CR, a NUL and whatever else is no text: all fail here.
        found = _FIELD.fullmatch(line)
        if found is None:
            raise WireError("not a header line")
        said.setdefault(found[1].lower(), []).append(found[2])
        loose = loose or not found[3]
    _check_framing(said.get(b"content-length", []), said.get(b"transfer-encoding", []), minor)
    hosts = said.get(b"host", [])
    if len(hosts) > 1 or (minor and not hosts) or not all(map(_HOST.fullmatch, hosts)):
        raise WireError("not one Host")  # section 3.2
    return loose


def _check_framing(lengths: Sequence[bytes], codings: Sequence[bytes], minor: int) -> None:
    if len(lengths) > 1 or not all(length.isdigit() for length in lengths):
        raise WireError("not one Content-Length")
    if codings and (lengths or len(codings) > 1 or not minor or not codings[0].lower().endswith(b"chunked")):
        raise WireError("a Transfer-Encoding that leaves the length open")
