"""HTML that the server writes: elements whose texts are escaped. Knows no page.

The only way from a text to markup is :func:`element`, so nothing that a machine says becomes markup.
"""

from __future__ import annotations

import html

_WITHOUT_END = ("input", "link", "meta")


class Markup(str):
    """A text that is markup already."""

    __slots__ = ()


def element(tag: str, *inside: str | None, **attributes: str | None) -> Markup:
    """An element.

    :param inside: texts, which are escaped, and elements; ``None`` is left out
    :param attributes: the same; a name loses an underscore at its end, others in it become dashes
    """
    said = "".join(
        f' {name.removesuffix("_").replace("_", "-")}="{html.escape(value)}"'
        for name, value in attributes.items()
        if value is not None
    )
    end = "" if tag in _WITHOUT_END else f"{joined(*inside)}</{tag}>"
    return Markup(f"<{tag}{said}>{end}")


def joined(*parts: str | None) -> Markup:
    """Texts and elements, one after the other."""
    return Markup(
        "".join(part if isinstance(part, Markup) else html.escape(part) for part in parts if part is not None)
    )
