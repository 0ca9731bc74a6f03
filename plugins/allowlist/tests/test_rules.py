"""Rules: what they are, what they name, and the file they are in."""

from __future__ import annotations

import os
import tempfile
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pixiecore_allowlist.rules import Rule, RuleFile, RuleFileError, Rules, parse_rule, read_rules

from pixiecore_core import Machine

MAC = "52:54:00:12:34:56"
NAME = "4c4c4544-0051-3010-8052-b4c04f4e4d32"
_PIECES = st.sampled_from(("52", ":", "-", "/", ".", "192.0.2.0", "24", "0", "fe80::", "é", "\x00", "\n", "²", NAME))


@given(st.text() | st.lists(_PIECES).map("".join) | st.from_regex(r"[0-9.]+/[0-9.]+"))
def test_arbitrary_text_is_a_rule_or_a_value_error(text: str) -> None:
    try:
        rule = parse_rule(text)
    except ValueError as error:
        message = str(error)
    else:
        message = ""
        rule_holds(rule)
    assert len(message) < 900
    assert not message or message.isprintable()


def rule_holds(rule: Rule) -> None:
    Rules([rule]).name(Machine(mac=MAC, uuid=UUID(NAME), address=IPv4Address("192.0.2.1")))
    assert parse_rule(str(rule)) == rule


@given(st.binary())
def test_arbitrary_bytes_are_rules_or_an_error_that_names_the_file(data: bytes) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        try:
            read_rules(file.name)
        except RuleFileError as error:
            where = error.where
        else:
            where = file.name
    assert where.startswith(file.name)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (" 52-54-00-12-34-AB ", "52:54:00:12:34:ab"),
        ("52:54:00", "52:54:00"),
        ("52:54:00:12:34", "52:54:00:12:34"),
        (NAME.upper(), UUID(NAME)),
        ("192.0.2.0/24", IPv4Network("192.0.2.0/24")),
        ("0.0.0.0/0", IPv4Network("0.0.0.0/0")),
    ],
)
def test_what_is_a_rule(text: str, rule: object) -> None:
    assert parse_rule(text) == rule


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'' is not a rule: a rule is a MAC address such as"),
        ("52:54", "is not a rule"),
        ("52:54:00:1", "is not a rule"),
        ("52:54:00:12:34:56:78", "is not a rule"),
        ("192.0.2.7", "is not a rule"),
        ("{" + NAME + "}", "is not a rule"),
        ("192.0.2.7/24", "is not an IPv4 subnet: it has host bits set"),
        ("192.0.2.0/33", "is not an IPv4 subnet: a rule is"),
        ("2001:db8::/32", "is not an IPv4 subnet"),
        ("1.2.3.4/" + "9" * 10_000, "is not an IPv4 subnet"),
        ("\x1b[2J", r"'\\x1b\[2J' is not a rule"),
    ],
)
def test_what_is_none(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_rule(text)


@pytest.mark.parametrize(
    ("rule", "machine", "named"),
    [
        (MAC, Machine(mac=MAC), True),
        ("52:54:00", Machine(mac=MAC), True),
        ("52:54:00:12", Machine(mac=MAC), True),
        ("52:54:00:12:34", Machine(mac=MAC), True),
        ("52:54:01", Machine(mac=MAC), False),
        ("54:00:12", Machine(mac=MAC), False),
        (NAME, Machine(mac=MAC, uuid=UUID(NAME)), True),
        (NAME, Machine(mac=MAC), False),
        ("192.0.2.0/24", Machine(mac=MAC), False),
        ("192.0.2.0/24", Machine(mac=MAC, subnet=IPv4Network("192.0.2.0/25")), True),
        ("192.0.2.0/24", Machine(mac=MAC, subnet=IPv4Network("192.0.2.0/24")), True),
        ("192.0.2.0/24", Machine(mac=MAC, subnet=IPv4Network("192.0.0.0/16")), False),
        ("192.0.2.0/24", Machine(mac=MAC, address=IPv4Address("192.0.2.9")), True),
        ("192.0.2.0/24", Machine(mac=MAC, address=IPv4Address("192.0.3.9")), False),
        ("192.0.2.0/24", Machine(mac=MAC, relay=IPv4Address("192.0.2.1")), True),
        ("192.0.2.0/24", Machine(mac=MAC, relay=IPv4Address("192.0.2.1"), address=IPv4Address("10.0.0.1")), False),
        ("192.0.2.0/24", Machine(mac=MAC, subnet=IPv4Network("192.0.2.0/24"), address=IPv4Address("10.0.0.1")), False),
        ("192.0.2.0/24", Machine(mac=MAC, relay=IPv4Address("10.0.0.1"), address=IPv4Address("192.0.2.7")), True),
    ],
)
def test_whom_a_rule_names(rule: str, machine: Machine, named: bool) -> None:
    assert Rules([parse_rule("aa:bb:cc:dd:ee:ff"), parse_rule(rule)]).name(machine) is named
    assert not Rules().name(machine)


def test_a_file_of_rules(tmp_path: Path) -> None:
    path = tmp_path / "allow.txt"
    path.write_bytes(b"\xef\xbb\xbf# rack 3\r\n\r\n  52:54:00:12:34:56  # caf\xc3\xa9, \xff\r\n02-00-00\r\n")
    _, rules = read_rules(str(path))
    assert rules.name(Machine(mac=MAC))
    assert rules.name(Machine(mac="02:00:00:00:00:01"))
    path.write_bytes(b"52:54:00\n\xff\xfe\n")
    with pytest.raises(ValueError, match=r"allow\.txt, line 2: it is not UTF-8 text"):
        read_rules(str(path))


def test_a_file_that_is_none(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(ValueError, match="fifo is not a regular file"):
        read_rules(str(tmp_path / "fifo"))
    with pytest.raises(ValueError, match="cannot be read: Is a directory"):
        read_rules(str(tmp_path))
    with pytest.raises(ValueError, match="cannot be read: No such file"):
        read_rules(str(tmp_path / "none"))
    (tmp_path / "large").write_bytes(b"#" * ((16 << 20) + 1))
    with pytest.raises(ValueError, match="is larger than 16 MiB"):
        read_rules(str(tmp_path / "large"))


def test_a_broken_edit_keeps_the_last_good_rules(tmp_path: Path) -> None:
    path = tmp_path / "allow.txt"
    path.write_text(f"{MAC}\n")
    file = RuleFile(str(path))
    assert file.current().name(Machine(mac=MAC))
    path.write_text("52:54:00:00:00:01\nnonsense\n")
    for _ in range(2):
        assert file.current().name(Machine(mac=MAC))
        assert str(file.problem).startswith(f"{path}, line 2: 'nonsense' is not a rule")
    path.unlink()
    assert file.current().name(Machine(mac=MAC))
    assert str(file.problem) == f"{path} cannot be read: No such file or directory"
    (tmp_path / "new").write_text("52:54:00:00:00:01\n")
    (tmp_path / "new").rename(path)
    assert not file.current().name(Machine(mac=MAC))
    assert file.current().name(Machine(mac="52:54:00:00:00:01"))
    assert file.problem is None
    path.write_text("")
    assert not file.current().name(Machine(mac="52:54:00:00:00:01"))
