"""What GRUB is sent: no command line and no message can be more than that, and the kernel gets the words that it would.

Judged by GRUB's own parser, where it is installed, and by a reader of its quotes that is written here from its manual.
"""

from __future__ import annotations

import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixiecore_core.boot.grub_config import boot_config, first_config, hold_config, kernel_words, quoted
from pixiecore_core.errors import CmdlineError

SERVER = "192.0.2.2"
FOLDER = "52:54:00:12:34:56/shim-grub-x86_64"
NASTY = "quiet a=$root;reboot b=`x` c={d} e=|&<># init=\"/bin/sh -c 'x'\"".replace("'", "")


def words_of(line: str) -> list[str]:
    """The words of a line of GRUB's language, as its manual says ("Shell-like scripting", "Quoting"); anything that is
    not a plain word or in single quotes is a mistake.
    """
    words: list[str] = []
    word, inside, begun, position = "", False, False, 0
    while position < len(line):
        character = line[position]
        if inside:
            inside = character != "'"
            word += character if inside else ""
        elif character == "'":
            inside = begun = True
        elif character == "\\":
            position += 1
            word, begun = word + line[position], True
        elif character == " ":
            words += [word] if begun else []
            word, begun = "", False
        else:
            assert character.isalnum() or character in "-_./", f"{character!r} has a meaning of its own"
            word, begun = word + character, True
        position += 1
    assert not inside, "a quote that does not end"
    return [*words, word] if begun else words


def as_the_kernel_gets_it(arguments: list[str]) -> str:
    """What GRUB makes of the arguments of ``linux`` (grub-core/lib/cmdline.c)."""
    return " ".join(f'"{one}"' if " " in one else one for one in arguments)


def accepted(text: str) -> bool:
    """Whether GRUB's own parser takes it."""
    if shutil.which("grub-script-check") is None:
        pytest.skip("grub-script-check is not installed: tools/install-system-packages")
    return (
        subprocess.run(["grub-script-check"], input=text, text=True, check=False, capture_output=True).returncode == 0
    )


def test_what_a_machine_boots() -> None:
    text = boot_config(
        SERVER, f"{FOLDER}/kernel", [f"{FOLDER}/initrd0", f"{FOLDER}/initrd1.last"], "a b=c", "Hi\n-n 'x'"
    )
    assert text == (
        "echo 'Hi'\n"
        "echo '' '-n '\\''x'\\'''\n"
        f"linux '(tftp,192.0.2.2)/{FOLDER}/kernel' 'a' 'b=c'\n"
        f"initrd '(tftp,192.0.2.2)/{FOLDER}/initrd0' '(tftp,192.0.2.2)/{FOLDER}/initrd1.last'\n"
        "boot\n"
    )
    assert accepted(text)


def test_grubs_own_parser_takes_all_of_it() -> None:
    assert accepted(boot_config(SERVER, "kernel.last", [], NASTY, "it's $x; `y` {\n}"))
    assert accepted(first_config(SERVER, "shim-grub-", "grub.cfg"))
    assert accepted(hold_config("wait for 'Ada'", 5))
    assert not accepted("echo 'x"), "a judge that takes everything is none"


def test_the_first_one_leads_each_to_its_own() -> None:
    text = first_config(SERVER, "shim-grub-", "grub.cfg")
    assert '"(tftp,192.0.2.2)/$net_default_mac/shim-grub-$grub_cpu/grub.cfg"' in text
    assert text.startswith("while true; do\n")


def test_waiting_is_as_long_as_asked_for() -> None:
    """The loop around it sleeps five of the seconds."""
    assert hold_config("wait", 30) == "echo 'wait'\nsleep 25\n"
    assert hold_config("wait", 2) == "echo 'wait'\nsleep 0\n"


@given(st.text(max_size=200))
def test_a_word_is_one_word(text: str) -> None:
    word = text.replace("\n", " ")
    assert words_of(f"echo {quoted(word)}") == ["echo", word]


@given(
    st.text(
        st.characters(exclude_characters="\\'", exclude_categories=["C", "Z"]) | st.sampled_from(' "$;|'), max_size=120
    )
)
def test_no_command_line_breaks_out(cmdline: str) -> None:
    lines = boot_config(SERVER, "kernel", ["initrd0"], cmdline, "").splitlines()
    assert [line.partition(" ")[0] for line in lines] == ["linux", "initrd", "boot"]
    linux, path, *arguments = words_of(lines[0])
    assert (linux, path) == ("linux", f"(tftp,{SERVER})/kernel")
    # And what the kernel then makes of it, quotes taken away, is what it would have made of the user's.
    assert kernel_words(as_the_kernel_gets_it(arguments)) == arguments == kernel_words(cmdline)


@given(st.text(max_size=120))
def test_no_message_breaks_out(message: str) -> None:
    for line in hold_config(message, 7).splitlines()[:-1]:
        assert words_of(line)[0] == "echo"


@pytest.mark.parametrize(
    ("cmdline", "words"),
    [
        ("", []),
        ("  a   b ", ["a", "b"]),
        ('a="b c" d', ["a=b c", "d"]),
        ('"a b"', ["a b"]),
        ('dyndbg="file x.c +p"', ["dyndbg=file x.c +p"]),
        ('a="b', ["a=b"]),
        ('"', []),
        ('a "" b', ["a", "b"]),
        ("a=Ä", ["a=Ä"]),
    ],
)
def test_words_are_split_as_the_kernel_does(cmdline: str, words: list[str]) -> None:
    assert kernel_words(cmdline) == words


@pytest.mark.parametrize("cmdline", ["a=\\x", "a='b'", "a\0b", "a=\x1b[0m"])
def test_what_grub_would_change_is_refused(cmdline: str) -> None:
    with pytest.raises(CmdlineError, match="GRUB cannot hand on a command line with"):
        kernel_words(cmdline)
