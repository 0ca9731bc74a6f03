"""The iPXE script: Pixiecore's own shape, and a message that iPXE cannot take for commands."""

from __future__ import annotations

import pytest

from pixiecore_core.boot.script import script


def test_the_shape_is_pixiecores() -> None:
    """Field notes 3.3: danderson/netboot pixiecore/http.go, with its golden in http_test.go."""
    assert script("http://a/k", ["http://a/0", "http://a/1"], "quiet x=1", "", "http://a/b") == (
        "#!ipxe\n"
        "kernel --name kernel http://a/k\n"
        "initrd --name initrd0 http://a/0\n"
        "initrd --name initrd1 http://a/1\n"
        "imgfetch --name ready http://a/b ||\n"
        "imgfree ready ||\n"
        "boot kernel initrd=initrd0 initrd=initrd1 quiet x=1\n"
    )


def test_no_initrd_and_no_command_line() -> None:
    assert script("http://a/k", [], "", "", "http://a/b").endswith("\nboot kernel\n")


@pytest.mark.parametrize(
    ("message", "lines"),
    [
        ("Hello  world", ["echo Hello world"]),
        ("two\nlines", ["echo two", "echo lines"]),
        ("a || reboot", ["echo a ${nothing}|| reboot"]),
        ("a && b ; c", ["echo a ${nothing}&& b ${nothing}; c"]),
        ("issue #5", ["echo issue ${nothing}#5"]),
        ("-n", ["echo ${nothing} -n"]),
        ("bell\a\rhere", ["echo bell here"]),
        ("   ", []),
    ],
)
def test_the_message_is_shown_and_never_run(message: str, lines: list[str]) -> None:
    assert script("k", [], "", message, "b").split("\n")[1 : 1 + len(lines)] == lines
    assert script("k", [], "", message, "b").count("echo") == len(lines)
