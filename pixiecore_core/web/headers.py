"""The headers of whatever shows machines: what a browser must let no other page do with ours."""

from __future__ import annotations

_NOBODY_ELSE = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    **_NOBODY_ELSE,
}
"""Of data: should a browser take it for a page, then for one that can do nothing."""

PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    **_NOBODY_ELSE,
}
"""Of the page: style, script, picture and data come from us, and nothing from within the page itself."""
