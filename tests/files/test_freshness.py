"""What an answer's headers let us do: the cases of RFC 9111, and any rubbish."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixiecore_core.files.freshness import LONGEST_LIFETIME, Validators, directives, fresh_until, may_keep, validators

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("headers", "lifetime"),
    [
        ({}, 0),
        ({"Cache-Control": "max-age=60"}, 60),
        ({"Cache-Control": 'public, Max-Age="60"'}, 60),
        ({"Cache-Control": "max-age=60, s-maxage=10"}, 10),
        ({"Cache-Control": "max-age=60", "Age": "20"}, 40),
        ({"Cache-Control": "max-age=60, no-cache"}, 0),
        ({"Cache-Control": "max-age=minus"}, 0),
        ({"Cache-Control": "max-age=99999999999999"}, LONGEST_LIFETIME),
        ({"Expires": "Fri, 15 Jan 2027 08:01:00 GMT", "Date": "Fri, 15 Jan 2027 08:00:00 GMT"}, 60),
        ({"Expires": "0"}, 0),
        ({"Cache-Control": "max-age=5", "Expires": "Fri, 15 Jan 2038 08:01:00 GMT"}, 5),
    ],
)
def test_lifetimes(headers: dict[str, str], lifetime: float) -> None:
    assert fresh_until(headers, NOW) == NOW + lifetime


@pytest.mark.parametrize(
    ("said", "keep"),
    [("", True), ("max-age=1", True), ("no-store", False), ("Private", False), ("no-cache", True)],
)
def test_what_may_be_kept(said: str, keep: bool) -> None:
    assert may_keep({"Cache-Control": said}) is keep


def test_only_what_promises_the_same_bytes_continues_a_download() -> None:
    assert Validators(etag='"a"', last_modified="then").if_same() == {"If-Range": '"a"'}
    assert Validators(etag='W/"a"', last_modified="then").if_same() == {"If-Range": "then"}
    assert Validators(etag='W/"a"').if_same() == {}
    assert Validators(etag='W/"a"').if_changed() == {"If-None-Match": 'W/"a"'}


@pytest.mark.parametrize(
    "value",
    [
        '"a\x01b"',
        '"a\r\n b"',
        "a\x00",
        '"a"b"',
        '"a',
        '"\xe9"',
        '"\N{SNOWMAN}"',
        '"' + "x" * 600 + '"',
        "x" * 600,
        " ",
        "\x7f",
    ],
)
def test_a_validator_that_cannot_be_sent_on_is_as_good_as_none(value: str) -> None:
    said = validators({"ETag": value, "Last-Modified": value})
    assert (said.etag, said.strong_etag, said.last_modified) == ("", "", "")


@pytest.mark.parametrize("value", ['"a"', 'W/"a"', '""', '"a, b"', "unquoted", '"5f3-62a"'])
def test_a_validator_that_can_is_kept(value: str) -> None:
    assert validators({"ETag": value}).etag == value


@given(st.text(st.characters(max_codepoint=255)))
def test_no_header_can_be_split_by_an_upstream(value: str) -> None:
    for kept in validators({"ETag": value, "Last-Modified": value}).if_changed().values():
        assert kept.isascii()
        assert kept.isprintable()
        assert len(kept) < 600


@given(st.dictionaries(st.sampled_from(["Cache-Control", "Expires", "Date", "Age"]), st.text()))
def test_rubbish_never_raises_nor_lasts(headers: dict[str, str]) -> None:
    assert fresh_until(headers, NOW) <= NOW + LONGEST_LIFETIME
    directives(headers)
