"""The v1 contract: every field and edge of an answer, as bytes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pixiecore_api_booter.addresses import Addresses
from pixiecore_api_booter.contract import MOST_BYTES, ContractError, boot_spec

from pixiecore_core import BootSpec, FileRef, LocalDisk

API = Addresses("http://api.example/pixie")
DIGEST = "ab" * 32


def spec(body: bytes | None = None, **answer: Any) -> Any:
    return boot_spec(json.dumps(answer).encode() if body is None else body, API)


def error(body: bytes | None = None, **answer: Any) -> str:
    with pytest.raises(ContractError) as caught:
        spec(body, **answer)
    return str(caught.value)


def test_the_example_of_the_published_contract() -> None:
    answer = spec(
        kernel="https://files.local/kernel",
        initrd=["https://files.local/initrd1", "initrd2"],
        message="Booting",
        cmdline={"ro": True, "coreos.autologin": "tty1", "cloud-config-url": {"url": "https://files.local/cloud"}},
        unknown={"fields": ["are", "ignored"]},
    )
    assert answer.kernel == FileRef(location="https://files.local/kernel")
    assert [initrd.location for initrd in answer.initrds] == [
        "https://files.local/initrd1",
        "http://api.example/pixie/initrd2",
    ]
    assert answer.message == "Booting"
    assert answer.cmdline == 'cloud-config-url={{ ID "url-0" }} coreos.autologin="tty1" ro'
    assert answer.files == {"url-0": FileRef(location="https://files.local/cloud")}
    assert answer.ipxe_script is None


def test_a_kernel_is_enough() -> None:
    assert spec(kernel="k") == BootSpec(kernel=FileRef(location="http://api.example/pixie/k"))


def test_a_machine_that_goes_to_its_disk() -> None:
    assert spec(local=True) == spec(LOCAL=True, kernel="", initrd=[]) == LocalDisk(reason="the API said local")
    assert spec(local=False, kernel="k") == spec(local=None, kernel="k") == spec(kernel="k")
    assert error(local=False) == "kernel is missing"
    for name in ("kernel", "efi"):
        assert error(local=True, **{name: "k"}) == f"local is true, and {name} is given: give one or the other"
    reason = "local is true, and ipxe-script is given: give one or the other"
    assert error(local=True, **{"ipxe-script": "#!ipxe\n"}) == reason
    assert error(local="yes") == error(local=1) == "local must be true or false"


def test_an_efi_program_in_the_place_of_a_kernel() -> None:
    made = spec(efi="http://h/memtest.efi", message="Testing")
    assert made.kernel is None
    assert made.efi is not None
    assert made.efi.location == "http://h/memtest.efi"
    with pytest.raises(ContractError, match="takes the place of a kernel"):
        spec(efi="http://h/memtest.efi", kernel="http://h/k")


@pytest.mark.parametrize("name", ["initrd", "cmdline", "message", "ipxe-script"])
def test_null_is_absent(name: str) -> None:
    assert spec(kernel="k", **{name: None}) == spec(kernel="k")


def test_keys_match_whatever_their_case() -> None:
    answer = spec(b'{"KERNEL": "k", "InitRD": ["i"], "ipxe-\xc5\xbfcript": ""}')
    assert answer == spec(kernel="k", initrd=["i"])
    assert error(b'{"kernel ": "k"}') == "kernel is missing"


def test_what_follows_the_first_value_is_ignored() -> None:
    assert spec(b' \n{"kernel": "k"} {"kernel": "other"} and so on') == spec(kernel="k")


def test_broken_utf8_is_replaced() -> None:
    assert spec(b'{"kernel": "k", "message": "a\xffb\\ud800c"}').message == "a\ufffdb\ufffdc"


def test_huge_numbers_in_unknown_fields_are_ignored() -> None:
    assert spec(b'{"kernel": "k", "x": ' + b"9" * 5000 + b"}") == spec(kernel="k")


def test_a_script_wins_over_everything() -> None:
    script = "#!ipxe\nexit\n"
    assert spec(**{"ipxe-script": script}) == BootSpec(ipxe_script=script)
    assert spec(**{"ipxe-script": script, "kernel": "ftp://x", "cmdline": 5}) == BootSpec(ipxe_script=script)
    assert error(**{"ipxe-script": script, "kernel": 5}) == 'kernel must be a string or an object with "url"'


def test_a_digest_where_a_url_stands() -> None:
    def pinned(url: str) -> dict[str, str]:
        return {"url": url, "sha256": DIGEST.upper(), "size": "unknown keys are ignored"}

    answer = spec(kernel=pinned("k"), initrd=["i", pinned("j")], cmdline={"c": pinned("c")})
    assert answer.kernel is not None
    pins = [answer.kernel.sha256, *(initrd.sha256 for initrd in answer.initrds), answer.files["url-0"].sha256]
    assert pins == [DIGEST, None, DIGEST, DIGEST]
    assert spec(kernel={"url": "k", "sha256": None}) == spec(kernel="k")


@pytest.mark.parametrize(
    ("cmdline", "line"),
    [
        ("quiet  splash ", "quiet  splash"),
        ({}, ""),
        ({"b": True, "a": True, "B": True}, "B a b"),
        ({"quiet": False, "ro": True}, "ro"),
        ({"name": 'two "words"'}, r'name="two \"words\""'),
        ({"empty": ""}, 'empty=""'),
        ({"é": "世"}, 'é="世"'),
        ({"tab": "a\tb\n"}, r'tab="a\tb\n"'),
        ('a={{ URL "x" }} b={{URL `/y`}} a={{ URL "x" }}', 'a={{ ID "url-0" }} b={{ ID "url-1" }} a={{ ID "url-0" }}'),
        ({"a": {"url": "x"}, "b": {"url": "x"}}, 'a={{ ID "url-0" }} b={{ ID "url-0" }}'),
    ],
)
def test_command_lines(cmdline: Any, line: str) -> None:
    assert spec(kernel="k", cmdline=cmdline).cmdline == line


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({}, "kernel is missing"),
        ({"kernel": None}, "kernel is missing"),
        ({"kernel": ""}, "kernel is missing"),
        ({"kernel": {"url": ""}}, "kernel is empty"),
        ({"kernel": {"href": "k"}}, 'kernel is an object without "url"'),
        ({"kernel": {"url": 1}}, "kernel.url must be a string"),
        ({"kernel": {"url": "k", "sha256": "beef"}}, "kernel.sha256 must be 64 hexadecimal digits"),
        ({"kernel": ["k"]}, 'kernel must be a string or an object with "url"'),
        ({"kernel": "k", "initrd": "i"}, "initrd must be a list"),
        ({"kernel": "k", "initrd": ["i", 1]}, 'initrd[1] must be a string or an object with "url"'),
        ({"kernel": "k", "initrd": [None]}, 'initrd[0] must be a string or an object with "url"'),
        ({"kernel": "k", "initrd": [""]}, "initrd[0] is empty"),
        ({"kernel": "k", "message": 1}, "message must be a string"),
        ({"kernel": "k", "ipxe-script": True}, "ipxe-script must be a string"),
        ({"kernel": "k", "cmdline": 5}, "cmdline must be a string or an object"),
        ({"kernel": "k", "cmdline": ["a"]}, "cmdline must be a string or an object"),
        ({"kernel": "k", "cmdline": {"str": {"url": 1}}}, 'cmdline["str"].url must be a string'),
        ({"kernel": "k", "cmdline": {"a": {"url": "ftp://x"}}}, "cmdline[\"a\"] 'ftp://x' is neither an http"),
        ({"kernel": "k", "cmdline": {"a\nb": True}}, 'cmdline["a\nb"]: it must be a single line'),
        ({"kernel": "k", "cmdline": "a\nb"}, "cmdline: it must be a single line"),
        ({"kernel": "k", "cmdline": '{{ ID "x" }}'}, "cmdline: there is no function 'ID', only URL"),
        ({"kernel": "k", "cmdline": '{{ URL "" }}'}, "cmdline: URL is empty"),
        (
            {"kernel": "file:///etc/shadow"},
            "kernel 'file:///etc/shadow' is refused: no folder was allowed with --file-root",
        ),
    ],
)
def test_what_is_wrong_is_said(answer: dict[str, Any], reason: str) -> None:
    assert error(**answer).startswith(reason)


@pytest.mark.parametrize("value", [5, None, ["a"], 1.5])
def test_values_of_no_kind_name_their_key(value: Any) -> None:
    assert (
        error(kernel="k", cmdline={"n": value})
        == 'cmdline["n"] must be true or false, a string or an object with "url"'
    )


def test_a_url_that_cannot_be_is_named_with_its_place() -> None:
    assert error(kernel="http://h:abc/x") == "kernel 'http://h:abc/x': the port must be a number from 1 to 65535"
    assert error(kernel="k", initrd=[{"url": "i#SHA256=ab"}]) == (
        "initrd[0] 'i#SHA256=ab': a hash is written #sha256= and 64 hexadecimal digits"
    )


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "the body is empty"),
        (b" \r\n", "the body is empty"),
        (b"<html>", "the body is not JSON: Expecting value (line 1, column 1)"),
        (b'{"kernel": "k"', "the body is not JSON: Expecting ',' delimiter (line 1, column 15)"),
        (b'{"kernel": NaN}', "NaN is not JSON"),
        (b'{"kernel": "k", "x": -Infinity}', "-Infinity is not JSON"),
        (b'\xef\xbb\xbf{"kernel": "k"}', "the body is not JSON"),
        (b'["kernel"]', "the body is JSON, but not an object"),
        (b"null", "kernel is missing"),
        (b"[" * 100_000, "the body is nested too deeply"),
        # How deep is too deep is the interpreter's: 3.13 reads this.
        (
            b'{"cmdline": ' + b"[" * 700 + b"]" * 700 + b"}",
            ("the body is nested too deeply", "cmdline must be a string or an object"),
        ),
        (b'{"kernel": "k"}' + b" " * MOST_BYTES, "the body is longer than 1,048,576 bytes"),
    ],
)
def test_bodies_that_are_no_answer(body: bytes, reason: str | tuple[str, ...]) -> None:
    assert error(body).startswith(reason)


ADDRESSES = st.text(max_size=20) | st.fixed_dictionaries({"url": st.text(max_size=20)}, optional={"sha256": st.text()})
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10) | st.just('{{ URL "x" }}'),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
ANSWERS = st.fixed_dictionaries(
    {},
    optional={
        "kernel": ADDRESSES | VALUES,
        "initrd": st.lists(ADDRESSES | VALUES, max_size=3) | VALUES,
        "cmdline": st.dictionaries(st.text(max_size=5), ADDRESSES | VALUES, max_size=3) | VALUES,
        "message": VALUES,
        "ipxe-script": VALUES,
    },
)


@given(
    st.binary() | VALUES.map(lambda value: json.dumps(value).encode()) | ANSWERS.map(lambda a: json.dumps(a).encode())
)
def test_any_body_is_a_spec_or_a_stated_reason(body: bytes) -> None:
    result: BootSpec | str
    try:
        result = spec(body)
    except ContractError as reason:
        result = str(reason)
    if isinstance(result, str):
        assert result.strip()
    else:
        assert result.kernel or result.ipxe_script
        assert "\n" not in result.cmdline
