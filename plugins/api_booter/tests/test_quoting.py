"""Go's %q, beside what Go 1.22's strconv.Quote and its documentation give."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pixiecore_api_booter.quoting import go_quote


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("", '""'),
        ("plain words", '"plain words"'),
        ('say "hi"', r'"say \"hi\""'),
        (r"back\slash", r'"back\\slash"'),
        ("it's", '"it\'s"'),
        ("\a\b\f\n\r\t\v", r'"\a\b\f\n\r\t\v"'),
        ("\x00\x1b\x7f", r'"\x00\x1b\x7f"'),
        ("\x80\x9f\xad", r'"\u0080\u009f\u00ad"'),
        ("Hello, 世界", '"Hello, 世界"'),
        ("☺\N{REPLACEMENT CHARACTER}", '"☺\N{REPLACEMENT CHARACTER}"'),
        ("\xa0\u2028\ufeff", r'"\u00a0\u2028\ufeff"'),
        ("\U0001f600", '"\U0001f600"'),
        ("\U000e0001\U0010ffff", r'"\U000e0001\U0010ffff"'),
        ("{{ x }}", '"{{ x }}"'),
    ],
)
def test_known_values(text: str, quoted: str) -> None:
    assert go_quote(text) == quoted


@given(st.text())
def test_it_is_one_printable_line(text: str) -> None:
    assert go_quote(text).isprintable()


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E)))
def test_ascii_is_quoted_as_in_json(text: str) -> None:
    assert json.loads(go_quote(text)) == text
