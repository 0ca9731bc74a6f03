"""Somebody else's policy: typed off the tutorial, installed beside wheels, and broken in every way there is.

Whatever it does costs its own machine alone: all others boot, the log names plugin and hook once, the counts and the
machine's timeline hold the rest.
"""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent
import pytest

from tests.docs.pages import files
from tests.net.storm import SERVER, Machine, Ports, Relay
from tests.proof.stranger import ROOT, Stranger, counted, lines_with

PAGE = ROOT / "docs" / "tutorial" / "first-plugin.md"
SETTING, BREAK = "## Give it a setting", "## Break it"
FIRST = files(PAGE, until=SETTING)
SECOND = FIRST | files(PAGE, after=SETTING, until=BREAK)
VICTIM, OTHER = 2, 4
"""Machines of storm.py; both BIOS."""
VICTIM_MAC = "52:54:00:00:00:02"
HOOK_TIMEOUT = 0.8
"""Seconds; above one, an answer is kept for the next try, and is not asked for again."""

pytestmark = [pytest.mark.servers, pytest.mark.timeout(300)]


@pytest.fixture(scope="session")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Stranger:
    """An environment with the tutorial's plugin, as it is at the end of the page."""
    stranger = Stranger.settle(tmp_path_factory.mktemp("stranger"))
    plugin = stranger.folder / "vendor-policy"
    plugin.mkdir()
    for name, text in SECOND.items():
        (plugin / name).write_text(text, encoding="utf-8")
    stranger.pip("install", plugin)
    return stranger


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "server.log"


def get(ports: Ports, path: str) -> str:
    with urllib.request.urlopen(f"http://{SERVER}:{ports.http}{path}", timeout=10) as answer:
        return str(answer.read().decode())


def timeline(ports: Ports, mac: str) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = json.loads(get(ports, f"/_/status?mac={mac}"))["machines"].get(mac, [])
    return events


def test_the_environment_is_sound_and_the_plugin_passes_its_own_test(stranger: Stranger) -> None:
    stranger.pip("check")
    said = stranger.run("-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=stranger.folder / "vendor-policy")
    assert re.search(r"^10 passed", said, re.MULTILINE), said
    listed = stranger.run("-m", "pixiecore_core", "plugins")
    assert "vendor  (vendor-policy 1.0)" in listed
    assert "settings: --vendor-prefix" in listed
    assert "site-packages" in stranger.run("-c", "import pixiecore_core; print(pixiecore_core.__file__)")


def test_it_decides_who_boots(stranger: Stranger, log: Path) -> None:
    with stranger.server(log, "--vendor-prefix=52:54:00:00:00:04") as ports:
        relay = Relay(ports.dhcp)
        machine = Machine(OTHER, relay, ports)
        machine.boot()
        assert len(machine.files) == 1
        assert not answered(Machine(VICTIM, relay, ports))
        relay.close()
    assert lines_with(log, f"Ignoring {VICTIM_MAC}")[0].endswith("does not begin with 52:54:00:00:00:04")


def answered(machine: Machine) -> bool:
    """Whether a machine is offered anything, within the time that iPXE waits."""
    try:
        with gevent.Timeout(HOOK_TIMEOUT + 0.7):
            machine.boot()
    except gevent.Timeout:
        return False
    return True


def broken(hook: str, line: str) -> str:
    """The tutorial's plugin, whose *hook* does *line* for the victim."""
    text = SECOND["vendor_policy.py"]
    place = re.search(rf"(    def {hook}\(self, (\w+)\):\n)", text)
    assert place is not None
    machine = {"request": "request.machine", "machine": "machine", "event": "event"}[place[2]]
    inserted = f"        if {machine}.mac == {VICTIM_MAC!r}:\n            {line}\n"
    return f"import sys, time\n\n{text}".replace(place[0], place[0] + inserted)


SPIN = "end = time.monotonic() + 3\n            while time.monotonic() < end: pass"
WAYS: dict[str, tuple[str, str]] = {
    "raises": ('raise RuntimeError("out of order")', "RuntimeError: out of order"),
    "hangs": ("time.sleep(60)", "gave no answer within 0.8 s"),
    "answers rubbish": ('return "no"', "returned str; expected Ignore or None"),
    "exits": ("sys.exit(3)", "SystemExit: 3"),
    "raises a timeout of its own": ("raise TimeoutError", "TimeoutError: "),
}


@pytest.mark.parametrize(("line", "reason"), WAYS.values(), ids=WAYS)
def test_a_veto_that_breaks_refuses_its_machine_and_no_other(
    stranger: Stranger, log: Path, tmp_path: Path, line: str, reason: str
) -> None:
    (tmp_path / "vendor_policy.py").write_text(broken("on_pxe_request", line))
    with stranger.server(log, f"--hook-timeout={HOOK_TIMEOUT}", module=tmp_path) as ports:
        relay = Relay(ports.dhcp)
        for _ in range(2):
            victim = gevent.spawn(answered, Machine(VICTIM, relay, ports))
            gevent.sleep(0.05)
            # While the victim's question is still open, if it hangs.
            Machine(OTHER, relay, ports).boot()
            assert not victim.get(timeout=10)
        relay.close()
        failures = get(ports, "/_/metrics")
        told = [event["message"] for event in timeline(ports, VICTIM_MAC) if event["kind"] == "plugin-failed"]
    where = "plugin 'vendor policy', hook on_pxe_request: "
    assert [without_place(entry.partition(where)[2]) for entry in lines_with(log, "[Plugin] error:")] == [reason]
    labels = {"plugin": "vendor policy", "hook": "on_pxe_request"}
    assert counted(failures, "pixiecore_plugin_failures_total", **labels) == 2
    assert [without_place(entry) for entry in told] == [where + reason] * 2
    assert lines_with(log, f"Ignoring {VICTIM_MAC}")[0].endswith(where + reason)


def without_place(words: str) -> str:
    """A failure without where in the plugin it was, which it must say."""
    match = re.fullmatch(r"(.*) \(/.*vendor_policy\.py, line \d+\)", words)
    assert match is not None, words
    return match[1]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        WAYS["raises"],
        WAYS["hangs"],
        ("yield 1\n            return 2", "returned int; expected str or None"),
        ("yield 1\n            yield 2", "the wrapper yields more than once"),
    ],
    ids=["raises", "hangs", "answers rubbish", "yields twice"],
)
def test_a_wrapper_that_breaks_costs_its_machine_the_script(
    stranger: Stranger, log: Path, tmp_path: Path, line: str, reason: str
) -> None:
    (tmp_path / "vendor_policy.py").write_text(broken("render_cmdline", line))
    with stranger.server(log, f"--hook-timeout={HOOK_TIMEOUT}", module=tmp_path) as ports:
        relay = Relay(ports.dhcp)
        with pytest.raises(AssertionError, match=r"HTTP/1\.1 500"):
            Machine(VICTIM, relay, ports).boot()
        Machine(OTHER, relay, ports).boot()
        relay.close()
    where = "plugin 'vendor policy', hook render_cmdline: "
    assert [without_place(entry.partition(where)[2]) for entry in lines_with(log, "[Plugin] error:")] == [reason]


def test_a_plugin_that_blocks_the_loop_is_named_and_all_go_on_afterwards(
    stranger: Stranger, log: Path, tmp_path: Path
) -> None:
    """No time limit can end it; the monitor thread tells while it lasts."""
    (tmp_path / "vendor_policy.py").write_text(broken("on_pxe_request", SPIN))
    with stranger.server(log, "--hook-timeout=10", module=tmp_path) as ports:
        relay = Relay(ports.dhcp)
        victim = Machine(VICTIM, relay, ports)
        started = gevent.spawn(victim.boot)
        gevent.sleep(2)
        named = "[Plugin] error: plugin 'vendor policy', hook on_pxe_request: blocks the event loop"
        assert lines_with(log, named), "it is named while it lasts"
        Machine(OTHER, relay, ports).boot()
        started.get(timeout=30)
        relay.close()
        failures = get(ports, "/_/metrics")
    labels = {"plugin": "vendor policy", "hook": "on_pxe_request"}
    assert counted(failures, "pixiecore_plugin_failures_total", **labels) >= 1
    assert re.search(r"blocked the event loop for over \d\.\d s", log.read_text())


LISTENER = """
    @hookimpl
    def on_event(self, fact, sentence):
        pass
"""


def listening(line: str) -> str:
    marker = "\n\n@hookimpl\ndef register_policies"
    text = SECOND["vendor_policy.py"]
    assert marker in text
    return f"import sys, time\n{text}".replace(marker, LISTENER.replace("pass", line) + marker)


@pytest.mark.parametrize(
    ("line", "reason"), [WAYS["raises"], ("time.sleep(60)", "gave no answer within 0.5 s")], ids=["raises", "hangs"]
)
def test_a_listener_that_breaks_slows_no_boot(
    stranger: Stranger, log: Path, tmp_path: Path, line: str, reason: str
) -> None:
    (tmp_path / "vendor_policy.py").write_text(listening(line))
    with stranger.server(log, "--event-timeout=0.5", module=tmp_path) as ports:
        relay = Relay(ports.dhcp)
        Machine(VICTIM, relay, ports).boot()
        Machine(OTHER, relay, ports).boot()
        relay.close()
        until(lambda: bool(lines_with(log, reason)))
        assert {event["kind"] for event in timeline(ports, VICTIM_MAC)} >= {"offered", "booting"}
    assert len(lines_with(log, "[Plugin] error: plugin 'vendor policy', hook on_event")) == 1


def test_a_listener_that_is_too_slow_loses_events_and_they_are_counted(
    stranger: Stranger, log: Path, tmp_path: Path
) -> None:
    (tmp_path / "vendor_policy.py").write_text(listening("time.sleep(60)"))
    with stranger.server(log, "--event-timeout=600", module=tmp_path) as ports:
        relay = Relay(ports.dhcp)
        for number in range(1, 300):
            Machine(2 * number, relay, ports).boot()
            if lines_with(log, "is too slow and loses events"):
                break
        relay.close()
        assert counted(get(ports, "/_/metrics"), "pixiecore_plugin_events_lost_total", plugin="vendor policy") >= 1
    assert len(lines_with(log, "is too slow and loses events")) == 1


def test_a_plugin_for_another_core_is_refused_by_name(stranger: Stranger, tmp_path: Path) -> None:
    """By pip first, and by Pixiecore where somebody would not listen."""
    for name, text in SECOND.items():
        (tmp_path / name).write_text(text.replace(">=0.2,<0.3", ">=7"))
    good, other = stranger.wheel(stranger.folder / "vendor-policy"), stranger.wheel(tmp_path)
    refused = stranger.pip("install", "--no-index", other, status=1)
    assert "No matching distribution found for pixiecore-core>=7" in refused
    try:
        stranger.pip("install", "--no-deps", "--force-reinstall", other)
        said = stranger.run("-m", "pixiecore_core", "plugins", status=2)
    finally:
        stranger.pip("install", "--no-deps", "--force-reinstall", good)
    assert said == (
        "Error: plugin 'vendor' of vendor-policy 1.0: is for pixiecore-core >=7, and this is 0.2.0; "
        "upgrade it, or use --disable-plugin\n"
    )


def until(condition: Callable[[], bool]) -> None:
    with gevent.Timeout(20):
        while not condition():
            gevent.sleep(0.05)
