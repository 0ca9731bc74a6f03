"""The interpreter of iPXE's scripts, by iPXE's rules: what a script fetches, shows and ends in."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixiecore_core.testing.machines.ipxe import Booter
from pixiecore_core.testing.machines.ipxe_shell import MOST_COMMANDS
from pixiecore_core.testing.machines.ipxe_text import arguments, commands, expanded, is_script, lines_of
from pixiecore_core.testing.machines.packets import Who
from pixiecore_core.testing.machines.rows import BY_NAME
from pixiecore_core.testing.machines.steps import (
    Answer,
    Ask,
    End,
    Fetched,
    FetchHttp,
    FetchTftp,
    Outcome,
    Pause,
    Step,
    Tell,
    play,
)
from pixiecore_core.wire.dhcp4 import Dhcp4Message, MessageType, Op

SERVER = "192.0.2.2"
MISSING = Fetched(problem="404 no such file", cause="not-found", status=404)
WHO = Who("52:54:00:12:34:56", UUID(int=1), address=IPv4Address("192.0.2.9"), hears_unicast=True)


class World:
    """A server with these files, by their paths, and what it and the machine's screen saw."""

    def __init__(self, files: Mapping[str, bytes | Fetched | list[Fetched]]) -> None:
        self.files = dict(files)
        self.fetched: list[str] = []
        self.screen: list[str] = []
        self.waited = 0.0

    def perform(self, step: Step) -> object:
        match step:
            case Ask(message=message):
                options = {53: bytes([MessageType.OFFER]), 54: IPv4Address(SERVER).packed, 60: b"PXEClient"}
                name = b"http://192.0.2.2/boot.ipxe"
                offer = Dhcp4Message(
                    Op.BOOTREPLY, message.xid, message.chaddr, options, siaddr=IPv4Address(SERVER), file=name
                )
                return (Answer(offer, SERVER),)
            case FetchHttp(url=url):
                path = url.removeprefix(f"http://{SERVER}/")
                self.fetched.append(path)
                return self._file(path)
            case FetchTftp(name=name):
                self.fetched.append(f"tftp:{name}")
                return self._file(name)
            case Pause(seconds):
                self.waited += seconds
            case Tell(text) if text.startswith("screen:"):
                self.screen.append(text.removeprefix("screen:").strip())
        return None

    def _file(self, path: str) -> Fetched:
        found = self.files.get(path.partition("?")[0], MISSING)
        if isinstance(found, list):
            found = found.pop(0)
        return found if isinstance(found, Fetched) else Fetched(len(found), "0" * 64, found)


def boot(script: str, patience: float = 100.0, row: str = "ipxe", **files: bytes | Fetched) -> tuple[End, World]:
    ipxe = BY_NAME[row].ipxe
    assert ipxe is not None
    named = {name.replace("_", "."): data for name, data in files.items()}
    world = World({"boot.ipxe": f"#!ipxe\n{script}\n".encode(), "vmlinuz": b"kernel", "initrd": b"initrd", **named})
    return play(Booter(ipxe, WHO, {"serial": "S 1"}, patience, alone=True).boot(), world.perform), world


def shown(script: str) -> list[str]:
    return boot(script)[1].screen


def test_a_boot_as_network_boot_scripts_have_it() -> None:
    end, world = boot("kernel --name k vmlinuz a=b\ninitrd --name i initrd\nboot k initrd=i  quiet ${serial}")
    assert end.outcome is Outcome.BOOTED
    assert end.kernel is not None
    assert (end.kernel.name, end.kernel.head, end.cmdline) == ("k", b"kernel", "initrd=i quiet S 1")
    assert [one.name for one in end.initrds] == ["i"]
    assert world.fetched == ["boot.ipxe", "vmlinuz", "initrd"]


def test_the_command_line_may_stand_behind_the_kernel() -> None:
    assert boot("kernel vmlinuz quiet\nboot")[0].cmdline == "quiet"
    assert boot("kernel vmlinuz quiet\nimgargs vmlinuz loud\nboot")[0].cmdline == "loud"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("isset x || echo a && echo b", ["b"]),
        ("isset ${nothing} && echo a || echo b", ["b"]),
        ("isset x && echo a || echo b && echo c", ["a", "c"]),
        ("isset ${nothing} ; echo a", ["a"]),
        ("isset ${nothing} ||\necho a", ["a"]),
        ("echo a # echo b", ["a"]),
        ("echo a \\\nb", ["a b"]),
        ("iseq ${platform} pcbios && echo bios", ["bios"]),
        ("set x 1 2 && echo ${x} ; set x && echo [${x}]", ["1 2", "[]"]),
        ("set y z\nset z found\necho ${${y}}", ["found"]),
        ("echo ${serial:uristring} ${net0/mac:hexhyp} ${mac:hexraw}", ["S%201 52-54-00-12-34-56 525400123456"]),
        ("goto end\necho a\n:end echo b", ["b"]),
        ("goto end || echo a && echo c\n:end", []),
        ("set i 0\n:again\ninc i\niseq ${i} 3 || goto again\necho ${i}", ["3"]),
        ("ifopen && ifstat && imgstat && echo a", ["a"]),
        ("nonsense || echo ${errno}", ["nonsense: command not found", "0x2e000000"]),
        ("set a ||\nset a || b", []),
    ],
)
def test_what_is_run_and_what_is_not(line: str, says: list[str]) -> None:
    assert shown(line) == says


@pytest.mark.parametrize(
    ("script", "outcome"),
    [
        ("exit", Outcome.LOCAL),
        ("exit 0", Outcome.LOCAL),
        ("exit 1", Outcome.FAILED),
        ("isset ${nothing}\necho never", Outcome.FAILED),
        ("goto nowhere", Outcome.FAILED),
        ("kernel nothing", Outcome.FAILED),
        ("kernel --rubbish vmlinuz", Outcome.FAILED),
        ("boot", Outcome.FAILED),
        ("imgfree nothing", Outcome.FAILED),
        ("sanboot --no-describe --drive 0x80 ||\nexit 1", Outcome.LOCAL),
        ("sanboot iscsi:192.0.2.2::::x", Outcome.BOOTED),
        ("prompt Press a key", Outcome.STOPPED),
        ("prompt --timeout 5000 Press ||\nexit", Outcome.LOCAL),
        ("shell", Outcome.STOPPED),
        ("poweroff", Outcome.STOPPED),
        (":again\ngoto again", Outcome.FAILED),
        ("chain boot.ipxe", Outcome.FAILED),
        ("chain --replace boot.ipxe", Outcome.FAILED),
        ("autoboot", Outcome.FAILED),
    ],
)
def test_how_scripts_end(script: str, outcome: Outcome) -> None:
    assert boot(script)[0].outcome is outcome


def test_a_failed_step_is_reported_and_tried_again() -> None:
    """As a server's script may have it: what failed goes to a URL, then it begins anew."""
    script = (
        ":start\nset step kernel\nkernel vmlinuz || goto failed\nboot\n"
        ":failed\nset error ${errno}\necho It failed: ${step} ${error}\n"
        "imgfetch http://192.0.2.2/_/failed?step=${step}&errno=${error} ||\nsleep 5\n"
        "iseq ${tried} yes && exit 1 ||\nset tried yes\ngoto start\n"
    )
    end, world = boot(script, vmlinuz=MISSING)
    assert (end.outcome, world.waited) == (Outcome.FAILED, 10.0)
    assert world.screen == ["It failed: kernel 0x2d0c613b"] * 2
    assert world.fetched[1:3] == ["vmlinuz", "_/failed?step=kernel&errno=0x2d0c613b"]


def test_error_numbers_are_those_of_the_build() -> None:
    script = "kernel nothing || echo ${errno}"
    assert boot(script, row="uefi-x64")[1].screen == ["0x2d0c618e"]
    refused = Fetched(problem="connection refused", cause="refused")
    assert boot("kernel vmlinuz || echo ${errno}", vmlinuz=refused)[1].screen == ["0xf0a6039"]


def test_chain_comes_back_unless_it_replaces() -> None:
    inner = b"#!ipxe\necho inner\n"
    assert boot("chain inner.ipxe\necho outer", inner_ipxe=inner)[1].screen == ["inner", "outer"]
    assert boot("chain --replace inner.ipxe\necho outer", inner_ipxe=inner)[1].screen == ["inner"]
    assert boot("chain --replace nothing || echo outer")[1].screen == ["outer"]
    assert boot("chain vmlinuz quiet")[0].cmdline == "quiet"


def test_urls_are_relative_to_the_script_that_names_them() -> None:
    ipxe = BY_NAME["ipxe"].ipxe
    assert ipxe is not None
    world = World({"boot.ipxe": b"#!ipxe\nchain tftp://192.0.2.2/a/b.ipxe\n", "a/b.ipxe": b"#!ipxe\nkernel ../k\n"})
    play(Booter(ipxe, WHO, alone=True).boot(), world.perform)
    assert world.fetched == ["boot.ipxe", "tftp:a/b.ipxe", "tftp:k"]


def test_it_waits_while_the_server_says_so_and_not_for_ever() -> None:
    wait = Fetched(problem="503 not yet", cause="broken", status=503, retry_after=3)
    world = World({"boot.ipxe": [wait, wait, Fetched(7, "", b"#!ipxe\nexit\n")]})
    ipxe = BY_NAME["ipxe"].ipxe
    assert ipxe is not None
    assert play(Booter(ipxe, WHO, alone=True).boot(), world.perform).outcome is Outcome.LOCAL
    assert world.waited == 6
    end = boot("kernel vmlinuz", patience=10, vmlinuz=wait)[0]
    assert (end.outcome, end.reason) == (Outcome.HELD, "the server has had it wait for 9 s: 503 not yet")


def test_a_newer_ipxe_looks_for_a_script_beside_itself() -> None:
    ipxe = BY_NAME["uefi-arm64"].ipxe
    assert ipxe is not None
    files = {"d/autoexec.ipxe": b"#!ipxe\nimgfree autoexec.ipxe ||\nifopen && chain --replace next ||\nautoboot\n"}
    world = World({**files, "d/next": b"#!ipxe\nkernel vmlinuz\nboot\n", "d/vmlinuz": b"k"})
    end = play(Booter(ipxe, WHO, alone=True).boot(f"http://{SERVER}/d/ipxe.efi"), world.perform)
    assert (end.outcome, end.initrds) == (Outcome.BOOTED, ())
    world = World({**files, "boot.ipxe": b"#!ipxe\nexit\n"})
    assert (
        play(Booter(ipxe, WHO, alone=True).boot(f"http://{SERVER}/d/ipxe.efi"), world.perform).outcome is Outcome.LOCAL
    )
    assert world.fetched[-1] == "boot.ipxe"


_TEXT = """
set kernel initrd boot chain --replace goto :a a ${a} ${${a}:hex} ${ } || && ; # exit 0 1 vmlinuz boot.ipxe imgfree echo
sleep prompt --timeout isset iseq imgfetch --name x -- - \\ dhcp autoboot inc sanboot tftp:// http://[ ://
"""
_WORDS = st.sampled_from(_TEXT.split())


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(_WORDS, max_size=6), max_size=12))
def test_whatever_a_script_says_it_comes_to_an_end(lines: list[list[str]]) -> None:
    end, world = boot("\n".join(" ".join(line) for line in lines))
    assert isinstance(end.outcome, Outcome)
    assert len(world.fetched) <= 2 * MOST_COMMANDS


@given(st.text(), st.text(max_size=20))
def test_any_text_is_a_script_of_some_lines(text: str, value: str) -> None:
    for line in lines_of(text):
        for command, _ in commands(line.words):
            assert all(word and not word.isspace() for word in command)
            for word in command:
                assert len(expanded(word, lambda name: value)) <= 16_384
    assert is_script(b"#!ipxe\n" + text.encode("utf-8", "replace"))


@given(st.lists(st.text(max_size=8), max_size=6))
def test_arguments_are_read_or_refused(words: list[str]) -> None:
    try:
        given_ = arguments(tuple(words), {"name": True, "replace": False})
    except ValueError:
        return
    assert set(given_.options) <= {"name", "replace"}
    assert list(given_.words) == words[len(words) - len(given_.words) :]
