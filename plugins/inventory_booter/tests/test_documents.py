"""Reading files: scalars are what they look like, and every mistake has a line."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pixiecore_inventory_booter.documents import parse
from pixiecore_inventory_booter.problems import InventoryError


def yaml(text: str) -> object:
    return parse("x.yaml", text.encode()).values


def mistakes(text: str | bytes, name: str = "x.yaml") -> list[str]:
    with pytest.raises(InventoryError) as caught:
        parse(name, text if isinstance(text, bytes) else text.encode())
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("scalar", "value"),
    [
        ("52:54:00:12:34:56", "52:54:00:12:34:56"),  # YAML 1.1: a number in base 60
        ("0012", "0012"),  # 1.1: octal
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("no", "no"),  # 1.1: false
        ("on", "on"),
        ("2026-11-24", "2026-11-24"),  # 1.1: a date
        ("1e3", "1e3"),  # a serial number, perhaps
        ("12", 12),
        ("-3", -3),
        ("1.10", "1.10"),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("'12'", "12"),
    ],
)
def test_scalars_are_what_they_look_like(scalar: str, value: object) -> None:
    assert yaml(f"key: {scalar}\n") == {"key": value}


def test_anchors_and_merges_work() -> None:
    assert yaml("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\n") == {"a": {"x": 1, "y": 2}, "b": {"x": 1, "y": 3}}


def test_every_value_has_a_line() -> None:
    document = parse("x.yaml", b"a:\n  - b\n  - c:\n      d: 1\n")
    assert [document.lines[path] for path in ((), ("a",), ("a", 1), ("a", 1, "c", "d"))] == [1, 1, 3, 4]
    assert str(document.problem(("a", 1, "c", "e"), "is odd")) == "x.yaml line 3, a[1].c.e: is odd"


def test_an_empty_file_is_an_empty_document() -> None:
    assert yaml("") == yaml("# nothing\n") == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: [", "x.yaml line 3: is not YAML: did not find expected node content"),
        ("a: 1\na: 2\n", "x.yaml line 2: the key 'a' appears twice"),
        ("a:\n  b: 1\n  b: 1\n", "x.yaml line 3, a: the key 'b' appears twice"),
        ("- 1\n", "x.yaml line 1: must hold keys, such as profiles, machines and groups"),
        ("a: !!python/object:os.system x\n", "x.yaml line 1: is not YAML: could not determine a constructor"),
        ("a: 1\n---\nb: 1\n", "x.yaml line 2: is not YAML: but found another document"),
        ("? [a, b]\n: 1\n", "x.yaml line 1: a key must be text"),
        ("a: &a [*a]\n", "x.yaml"),
        ("a: !!bool foo\n", "x.yaml: is not usable YAML"),
        ("a: !!timestamp foo\n", "x.yaml: is not usable YAML"),
        ("a:\n  b: {{ x }}/linux\n", "x.yaml line 2: is not YAML: did not find expected key; a value that begins with"),
    ],
)
def test_mistakes_in_yaml(text: str, message: str) -> None:
    assert mistakes(text)[0].startswith(message)


def test_mistakes_in_bytes() -> None:
    assert mistakes(b"a: 1\nb: \xff\n") == ["x.yaml line 2: is not UTF-8 text"]
    assert "divide it" in mistakes(b"#" * 4_000_001)[0]


def test_a_bomb_is_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    assert "too many values" in mistakes("\n".join(lines))[0]


def test_toml() -> None:
    assert parse("x.toml", b'[profiles.a]\nkernel = "k"\n').values == {"profiles": {"a": {"kernel": "k"}}}
    assert mistakes("a = 1\na = 2\n", "x.toml")[0].startswith("x.toml line 2: is not TOML: Cannot overwrite a value")
    assert mistakes("[" * 10_000, "x.toml")[0].startswith("x.toml")
    assert mistakes(f"a = {'9' * 5000}", "x.toml")[0].startswith("x.toml")


def test_toml_has_lines_too() -> None:
    text = b"""default = "a"
[profiles.a]
kernel = "k"
[profiles."b.c"]
vars.x = 1
[[groups]]
match.arch = "arm64"
[[groups]]
[groups.match]
mac = "02"
"""
    lines = parse("x.toml", text).lines
    wanted: dict[tuple[str | int, ...], int] = {
        ("default",): 1,
        ("profiles", "a"): 2,
        ("profiles", "a", "kernel"): 3,
        ("groups", 0): 6,
        ("groups", 0, "match", "arch"): 7,
        ("groups", 1): 8,
        ("groups", 1, "match", "mac"): 10,
    }
    assert {path: lines.get(path) for path in wanted} == wanted


def test_keys_are_texts() -> None:
    assert yaml("true: 1\n12: 2\nnull: 3\n") == {"true": 1, "12": 2, "null": 3}


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)), st.sampled_from(["x.yaml", "x.toml"]))
def test_whatever_is_in_a_file_is_a_document_or_a_mistake(data: bytes, name: str) -> None:
    try:
        values = parse(name, data).values
    except InventoryError as error:
        values = {str(problem): problem.file for problem in error.problems}
    assert isinstance(values, dict)


_YAMLISH = st.text(alphabet="ab01:-[]{}&*<>!|'\"#%@,? \n\t~.", max_size=120)


@given(_YAMLISH)
def test_what_looks_like_yaml_is_a_document_or_a_mistake(text: str) -> None:
    with suppress(InventoryError):
        parse("x.yaml", text.encode())
