"""Writes values as TOML, and hides secrets in them before anybody sees one.

Takes what pixiecore_core/settings/spelling.py makes of a value. Writes single lines: keys and values, no tables.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from pydantic import SecretBytes, SecretStr

from pixiecore_core.hidden import HIDDEN, is_secret, without_secrets

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def hide(key: str, value: Any, secret: bool = False) -> tuple[Any, bool]:
    """*value* without secrets, and whether that is all of it.

    :param key: what the setting, or the key in one, is called
    :param secret: whether it is a secret whatever it is called
    """
    empty = value in (None, "") or isinstance(value, bool)
    if isinstance(value, SecretStr | SecretBytes) or (secret and not empty):
        return HIDDEN, False
    # The path of a secret, or whether there is one, is not a secret.
    if is_secret(key) and not empty and not isinstance(value, PurePath):
        return HIDDEN, False
    if isinstance(value, Mapping):
        pairs = {inner: hide(inner, one) for inner, one in value.items()}
        return {inner: shown for inner, (shown, _) in pairs.items()}, all(whole for _, whole in pairs.values())
    if isinstance(value, list):
        several = [hide("", one) for one in value]
        return [shown for shown, _ in several], all(whole for _, whole in several)
    if isinstance(value, str | PurePath):
        # What is not Unicode, as a path may be, cannot be written either.
        shown = without_secrets(str(value)).encode(errors="replace").decode()
        return shown, shown == str(value)
    return value, True


def toml(value: Any) -> str:
    """*value* as it stands behind ``key =``.

    :raises ValueError: TOML has nothing for it, as for ``None``
    """
    match value:
        case bool():
            return str(value).lower()
        case int() | float():
            return str(value)
        case str():
            # JSON's escapes are among TOML's, which wants one for DEL, too.
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case list():
            return f"[{', '.join(map(toml, value))}]"
        case Mapping():
            return f"{{{', '.join(f'{toml_key(key)} = {toml(inner)}' for key, inner in value.items())}}}"
    raise ValueError(f"TOML cannot say {value!r}")


def toml_key(key: str) -> str:
    """*key* as it stands before ``=``."""
    return key if _BARE.fullmatch(key) else toml(key)
