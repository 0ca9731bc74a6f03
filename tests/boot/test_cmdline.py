"""The Go template subset, against what text/template does with the same text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixiecore_core.boot.cmdline import expand
from pixiecore_core.errors import CmdlineError

SHOW = {"ID": lambda name: f"<{name}>"}


@pytest.mark.parametrize(
    ("template", "line"),
    [
        ("", ""),
        ("  quiet  ", "quiet"),
        ('a={{ ID "x" }} b', "a=<x> b"),
        ('a={{ID "x"}}', "a=<x>"),
        ('a={{ ID `x"y` }}', 'a=<x"y>'),
        ('a={{ ID "q\\"\\x41\\u00e9\\101" }}', 'a=<q"AéA>'),
        ('a={{ ID "}}" }}', "a=<}}>"),
        ('a  {{- ID "x" -}}  b', "a<x>b"),
        ("a {{/* a }} comment */}}b", "a b"),
        ("a {{- /* comment */ -}} b", "ab"),
        ('{{ ID "x" }}{{ ID "y" }}', "<x><y>"),
        ("json={a:{b:1}}", "json={a:{b:1}}"),
    ],
)
def test_expansion(template: str, line: str) -> None:
    assert expand(template, SHOW) == line


@pytest.mark.parametrize(
    ("template", "reason", "position"),
    [
        ('quiet {{ ID "x"', "not closed", 6),
        ("{{ ID }}", "ID needs a string", 0),
        ("{{ .Kernel }}", "not of the form", 0),
        ('{{ ID "a" "b" }}', "not of the form", 0),
        ('{{ URL "x" }}', "no function 'URL'", 0),
        ('x {{ ID "bad\\q" }}', "unknown escape", 2),
        ('{{ ID "\\ud800" }}', "is not a character", 0),
        ("one\ntwo", "single line", 3),
        ('{{ ID "line\\nbreak" }}', "single line", 22),
    ],
)
def test_mistakes_are_placed(template: str, reason: str, position: int) -> None:
    with pytest.raises(CmdlineError, match=reason) as caught:
        expand(template, SHOW)
    assert caught.value.position == position


def test_an_unknown_file_is_named() -> None:
    with pytest.raises(CmdlineError, match="knows no file 'x'"):
        expand('{{ ID "x" }}', {"ID": {}.__getitem__})


@given(st.text(alphabet='{}-ID "`\\ax/*\n', max_size=60))
def test_any_text_expands_or_is_a_cmdline_error(template: str) -> None:
    try:
        line = expand(template, SHOW)
    except CmdlineError:
        return
    assert "\n" not in line


@given(st.text(max_size=40).filter(lambda text: "`" not in text and "\r" not in text and "\n" not in text))
def test_any_raw_string_reaches_the_function(name: str) -> None:
    assert expand(f"[{{{{ ID `{name}` }}}}]", {"ID": str}) == f"[{name}]"


def test_long_hostile_templates_take_no_time() -> None:
    """Linear, not exponential: an API's answer must not stop the loop."""
    for hostile in ("{{" + '"a' * 20000, "{{ /*" * 20000, "{{" + "/* " * 20000):
        with pytest.raises(CmdlineError):
            expand(hostile, SHOW)
