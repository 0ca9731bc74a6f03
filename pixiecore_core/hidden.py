"""What is a secret among settings and in texts: the one function that all passes which a log, a page, a machine or a
terminal gets to see. Knows names and URLs, and no models.
"""

from __future__ import annotations

import re

HIDDEN = "(hidden)"

_ANYWHERE = (
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "credential",
    "authorization",
    "passcode",
    "cookie",
    "bearer",
)
_WORDS = {"auth", "key", "keys", "pass", "pin", "psk", "pwd", "sig", "signature"}
_KEYS = re.compile(r"(?:api|private|secret|access|signing|encryption)keys?")
_PLACES = {"file", "files", "path", "folder", "dir", "directory"}
"""What a name ends with that says where the secret is, and not what it is."""

# All names are of a bounded length, or a long text would cost the square of it.
_CREDENTIALS = (
    # User and password of a URL, wherever in a text; a token may stand in the user's place.
    re.compile(r"(\b[a-z][a-z0-9+.-]{0,20}://[^\s/?#:@]{0,200}:)[^\s/?#@]{0,500}@", re.IGNORECASE),
    re.compile(r"(\b[a-z][a-z0-9+.-]{0,20}://)[^\s/?#:@…]{1,500}@", re.IGNORECASE),
    # Databases' passwords may have slashes in them; what stands before an @ on the web may be a path.
    re.compile(r"(\b(?!https?:)[a-z][a-z0-9+.-]{0,20}://[^\s/?#:@]{0,200}:)[^\s@]{0,500}@", re.IGNORECASE),
)
_CUT = re.compile(r"(\b[a-z][a-z0-9+.-]{0,20}://[^\s/?#:@…]{0,200}:)[^\s/?#@…]{1,500}…", re.IGNORECASE)
"""A URL that was cut short before its @: what stands behind the colon may be half a password."""
_ODD = (
    # Of a URL that is mistyped: a password with a slash in it, and one that follows a single slash, or no scheme.
    re.compile(r"(\bhttps?://[^\s/?#:@]{0,200}:)(?!\d{1,5}(?:[/?#'\"\s]|$))[^\s@]{1,500}@", re.IGNORECASE),
    re.compile(r"((?:\b[a-z][a-z0-9+.-]{0,20}:/|(?<![:/\w])//)[^\s/?#:@]{0,200}:)[^\s@]{1,500}@", re.IGNORECASE),
)
_PAIR = re.compile(r"((?:\A|(?<=['\" ]))[\w.+-]{1,200}:)(?!/)[^\s/@'\"]+@")
"""The same without a scheme, as data source names have it, at the start of a text or of a word."""
_PARAMETER = re.compile(r"([?&;]([\w.\-\[\]]{1,80})=)([^&;#\s\"']+)")
_ASSIGNMENT = re.compile(
    r"\b([\w-]{0,40}?(?:password|passwd|pwd|passphrase|secret|token)\s*=\s*)('[^']*'|\"[^\"]*\"|[^\s;&,#\"']+)",
    re.IGNORECASE,
)
"""As data source names have it: ``host=db password=…``."""


def is_secret(name: str) -> bool:
    """Whether what is called *name* is a secret: ``api_key`` is one, ``api_key_file`` is none."""
    words = re.split(r"[^a-z0-9]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower())
    if words[-1] in _PLACES:
        return False
    whole = "".join(words)
    return any(part in whole for part in _ANYWHERE) or any(word in _WORDS or _KEYS.fullmatch(word) for word in words)


def without_secrets(text: str) -> str:
    """*text* without the passwords in its URLs and data source names, and without tokens in its URLs' parameters."""
    if "://" not in text and "=" not in text and "@" not in text:
        return text  # nearly every line of a log
    for pattern in (*_CREDENTIALS, *_ODD):
        text = pattern.sub(r"\1…@", text)
    text = _CUT.sub(r"\1…", text)
    text = _PAIR.sub(r"\1…@", text)
    text = _PARAMETER.sub(lambda found: f"{found[1]}…" if is_secret(found[2]) else found[0], text)
    return _ASSIGNMENT.sub(r"\1…", text)


_BLANK = b"*"
_SEALED = re.compile(rb"((?:[?&;](?:name|from)=|/_/folder/|/_/ipxe/))([\w-]{16,2000})")
"""Tokens of ours, where boot/paths.py puts them."""
_FIELD = re.compile(rb"(\n([\w-]{1,80}):[ \t]{0,20})([^\r\n]{1,8000})")
"""A header line, or one of YAML."""
_RAW_CREDENTIALS = re.compile(rb"(\b[a-zA-Z][a-zA-Z0-9+.-]{0,20}://)([^\s/?#@]{1,500})(?=@)")
_RAW_CUT = re.compile(rb"(\b[a-zA-Z][a-zA-Z0-9+.-]{0,20}://[^\s/?#@:]{0,200}:)((?!\d{1,5}\Z)[^\s/?#@]{1,500})\Z")
"""Credentials whose @ was cut off: the end of what was kept of a message."""
_RAW_PARAMETER = re.compile(rb"([?&;]([\w.\-\[\]]{1,80})=)([^&;#\s\"']+)")
_RAW_ASSIGNMENT = re.compile(
    rb"(\b[\w-]{0,40}?(?:password|passwd|pwd|passphrase|secret|token)[ \t]{0,20}=[ \t]{0,20})"
    rb"('[^']{0,500}'|\"[^\"]{0,500}\"|[^\s;&,#\"']+)",
    re.IGNORECASE,
)


def blanked(data: bytes) -> bytes:
    """*data*, which was on the wire, with every secret in it replaced by as many asterisks: no length changes."""
    for pattern in (_SEALED, _RAW_CREDENTIALS, _RAW_CUT, _RAW_ASSIGNMENT):
        data = pattern.sub(lambda found: found[1] + _BLANK * len(found[2]), data)
    for pattern in (_FIELD, _RAW_PARAMETER):
        data = pattern.sub(_blank_named, data)
    return data


def _blank_named(found: re.Match[bytes]) -> bytes:
    return found[1] + _BLANK * len(found[3]) if is_secret(found[2].decode("latin-1")) else found[0]
