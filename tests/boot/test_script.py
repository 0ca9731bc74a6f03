"""The iPXE script: Pixiecore's own shape, and a message that iPXE cannot take for commands."""

from __future__ import annotations

import pytest

from pixiecore_core.boot.script import script

AFTER_FAILURE = (
    ":failed\n"
    "set problem ${step} failed with iPXE error ${errno}\n"
    "chain --replace http://a/f?name=t&step=${step}&errno=${errno}&dmesg=${dmesg:uristring} ||\n"
    "echo Pixiecore: ${problem}, and the server cannot be asked; the firmware goes on\n"
    "exit 1\n"
)


def test_the_shape_is_pixiecores() -> None:
    """Field notes 3.3: danderson/netboot pixiecore/http.go, with its golden in http_test.go."""
    assert script("http://a/k", ["http://a/0", "http://a/1"], "quiet x=1", "", "http://a/b", "http://a/f?name=t") == (
        "#!ipxe\n"
        "set step kernel\n"
        "kernel --name kernel http://a/k || goto failed\n"
        "set step initrd0\n"
        "initrd --name initrd0 http://a/0 || goto failed\n"
        "set step initrd1\n"
        "initrd --name initrd1 http://a/1 || goto failed\n"
        "imgfetch --name ready http://a/b ||\n"
        "imgfree ready ||\n"
        "set step boot\n"
        "boot kernel initrd=initrd0 initrd=initrd1 quiet x=1 || goto failed\n"
        "exit\n" + AFTER_FAILURE
    )


def test_no_initrd_and_no_command_line() -> None:
    text = script("http://a/k", [], "", "", "http://a/b", "http://a/f?name=t")
    assert text.endswith("\nset step boot\nboot kernel || goto failed\nexit\n" + AFTER_FAILURE)


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
    shown = script("k", [], "", message, "b", "f").split("\n:failed\n")[0]
    assert shown.split("\n")[1 : 1 + len(lines)] == lines
    assert shown.count("echo") == len(lines)
