"""What machines are told while the API is quick, slow, down, back again: decisions, and how long they take."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pixiecore_api_booter import ApiBooter, ApiSettings, booter, calls, memory

from pixiecore_core import BootSpec, Hold, Ignore, Machine
from pixiecore_core.testing import Netboot

from .servers import Api, Reply, boots, serving

MAC = "52:54:00:12:34:56"
ON_DHCP = Machine(mac=MAC)
AT_SCRIPT = Machine(mac=MAC, address=IPv4Address("192.0.2.100"))
OTHER = Machine(mac="52:54:00:00:00:01")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same in less time, and yet with room for a busy machine."""
    monkeypatch.setattr(booter, "DHCP_PATIENCE", 0.3)
    monkeypatch.setattr(booter, "SCRIPT_PATIENCE", 0.6)


@contextmanager
def asking(api: Api, **settings: Any) -> Iterator[ApiBooter]:
    given_settings = {"url": api.url, "api_request_timeout": "2s", **settings}
    made = ApiBooter(ApiSettings.model_validate(given_settings))
    try:
        yield made
    finally:
        made.on_shutdown()


class Gate:
    """A behaviour that answers only when the test says so."""

    def __init__(self) -> None:
        self.opened = threading.Event()

    def __call__(self, reply: Reply) -> None:
        self.opened.wait(5)
        reply.json({"kernel": "k"})


def until(condition: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.005)


def finished(made: ApiBooter) -> None:
    until(lambda: not made._calls._running)


def test_a_quick_api_decides() -> None:
    with serving(boots(kernel="k")) as api, asking(api) as made:
        for machine in (ON_DHCP, AT_SCRIPT):
            assert isinstance(made.select_boot(machine), BootSpec)
        api.behaviour = lambda reply: reply.raw(b"", 404)
        for machine in (ON_DHCP, AT_SCRIPT):
            answer = made.select_boot(machine)
            assert isinstance(answer, Ignore)
            assert "said 404 Not Found" in answer.reason
        assert len(api.asked) == 4, "no answer is used twice"


@pytest.mark.parametrize(("machine", "patience"), [(ON_DHCP, 0.3), (AT_SCRIPT, 0.6)])
def test_a_slow_api_lets_the_machine_wait(machine: Machine, patience: float) -> None:
    gate = Gate()
    with serving(gate) as api, asking(api) as made:
        started = time.monotonic()
        answer = made.select_boot(machine)
        assert patience <= time.monotonic() - started < patience + 1
        gate.opened.set()
        finished(made)
    assert (answer.reason, answer.seconds) == (f"the API at {api.url} has not answered yet", booter.SLOW_SECONDS)


@pytest.mark.parametrize("machine", [ON_DHCP, AT_SCRIPT])
def test_an_answer_that_comes_late_serves_the_next_ask_once(machine: Machine) -> None:
    gate = Gate()
    with serving(gate) as api, asking(api) as made:
        assert isinstance(made.select_boot(machine), Hold)
        assert isinstance(made.select_boot(machine), Hold), "the second ask joins the call"
        gate.opened.set()
        finished(made)
        assert len(api.asked) == 1
        assert isinstance(made.select_boot(machine), BootSpec)
        assert len(api.asked) == 1
        assert isinstance(made.select_boot(machine), BootSpec)
        assert len(api.asked) == 2


def test_a_late_answer_for_dhcp_is_never_used_for_a_script_or_another_machine() -> None:
    gate = Gate()
    with serving(gate) as api, asking(api) as made:
        assert isinstance(made.select_boot(ON_DHCP), Hold)
        gate.opened.set()
        finished(made)
        for machine in (AT_SCRIPT, OTHER, ON_DHCP.model_copy(update={"serial": "another"})):
            made.select_boot(machine)
        assert len(api.asked) == 4


def test_a_late_answer_grows_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "LATE_KEPT_SECONDS", 0.0)
    gate = Gate()
    with serving(gate) as api, asking(api) as made:
        made.select_boot(AT_SCRIPT)
        gate.opened.set()
        finished(made)
        api.behaviour = boots()
        assert isinstance(made.select_boot(AT_SCRIPT), Ignore)


def test_an_answer_that_somebody_got_serves_nobody_else() -> None:
    with serving(boots(kernel="k")) as api, asking(api) as made:
        made.select_boot(AT_SCRIPT)
        api.behaviour = boots()
        assert isinstance(made.select_boot(AT_SCRIPT), Ignore)


def test_so_many_calls_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "MOST", 2)
    gate = Gate()
    machines = [Machine(mac=f"52:54:00:00:00:0{number}") for number in range(4)]
    with serving(gate) as api, asking(api) as made:
        assert all(isinstance(made.select_boot(machine), Hold) for machine in machines)
        assert len(api.asked) == 2
        gate.opened.set()
        finished(made)
        assert isinstance(made.select_boot(machines[3]), BootSpec)
        assert len(made._calls._late) <= 2


def test_one_slow_machine_holds_up_no_other() -> None:
    gate = Gate()

    def slow_for_one(reply: Reply) -> None:
        gate(reply) if reply.path.endswith(MAC) else reply.json({"kernel": "k"})

    with serving(slow_for_one) as api, asking(api) as made:
        made.select_boot(ON_DHCP)
        assert isinstance(made.select_boot(OTHER), BootSpec)
        gate.opened.set()
        finished(made)


@pytest.mark.parametrize(
    ("policy", "new", "under_way", "at_script"),
    [("hold", Ignore, Hold, Hold), ("hold-all", Hold, Hold, Hold), ("ignore", Ignore, Ignore, Ignore)],
)
def test_what_down_does(policy: str, new: type, under_way: type, at_script: type) -> None:
    with serving(boots(kernel="k")) as api, asking(api, api_down=policy) as made:
        assert isinstance(made.select_boot(ON_DHCP), BootSpec)
        port = api.port
        api.behaviour = lambda reply: setattr(reply, "close_connection", True)
        for machine, kind in ((OTHER, new), (ON_DHCP, under_way), (AT_SCRIPT, at_script)):
            answer = made.select_boot(machine)
            assert type(answer) is kind
            assert f"/v1/boot/{machine.mac}) cannot be reached: " in answer.reason, "and of no other machine"
    with serving(boots(kernel="k"), port=port), asking(api, api_down=policy) as made:
        assert isinstance(made.select_boot(AT_SCRIPT), BootSpec)


def test_a_machine_the_api_refused_is_not_under_way() -> None:
    with serving(boots()) as api, asking(api) as made:
        assert isinstance(made.select_boot(ON_DHCP), Ignore)
    assert isinstance(made.select_boot(ON_DHCP), Ignore)


def test_being_under_way_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(booter, "UNDER_WAY_SECONDS", 0.0)
    with serving(boots(kernel="k")) as api, asking(api) as made:
        assert isinstance(made.select_boot(ON_DHCP), BootSpec)
    assert isinstance(made.select_boot(ON_DHCP), Ignore)


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MACHINES", 2)
    remembered = memory.Memory()
    for mac in ("a", "b", "a", "c"):
        remembered.note(mac, 60)
    assert [remembered.left(mac)[0] > 0 for mac in "abc"] == [True, False, True]


def test_a_call_without_end_counts_as_down_once_the_api_is_known_to_be() -> None:
    gate = Gate()
    with serving(gate) as api, asking(api, api_request_timeout="500ms") as made:
        assert isinstance(made.select_boot(OTHER), Hold), "nothing is known yet: netboot issue 32"
        finished(made)
        answer = made.select_boot(ON_DHCP)
        assert isinstance(answer, Ignore)
        assert answer.reason.endswith("did not answer in full within 0.5 s")
        gate.opened.set()
        api.behaviour = boots(kernel="k")
        assert isinstance(made.select_boot(AT_SCRIPT), BootSpec)
        api.behaviour = gate = Gate()
        assert isinstance(made.select_boot(OTHER), Hold), "it is known to be up again"
        gate.opened.set()
        finished(made)


def test_an_api_that_asks_to_wait_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(lambda reply: reply.raw(b"", 503, Retry_After="100")) as api, asking(api) as made:
        for machine in (ON_DHCP, AT_SCRIPT, ON_DHCP):
            answer = made.select_boot(machine)
            assert isinstance(answer, Hold)
            assert answer.seconds == 100
            assert "said 503 Service Unavailable and to ask again in 100 s" in answer.reason
        assert len(api.asked) == 1
        api.behaviour = boots(kernel="k")
        assert isinstance(made.select_boot(OTHER), BootSpec)
        in_time, now = time.monotonic() + 101, time.monotonic
        monkeypatch.setattr(memory.time, "monotonic", lambda: in_time)
        assert isinstance(made.select_boot(AT_SCRIPT), BootSpec)
        monkeypatch.setattr(memory.time, "monotonic", now)


def test_a_machine_under_way_waits_while_a_proxy_does_not_reach_the_api() -> None:
    with serving(lambda reply: reply.raw(b"", 502)) as api, asking(api) as made:
        made.select_boot(ON_DHCP)
        finished(made)
        assert isinstance(made.select_boot(ON_DHCP), Ignore)
        answer = made.select_boot(AT_SCRIPT)
        assert isinstance(answer, Hold)
        assert "a proxy before it said 502 Bad Gateway" in answer.reason
        api.behaviour = boots(kernel="k")
        assert isinstance(made.select_boot(AT_SCRIPT), BootSpec)


def test_a_boot_through_the_whole_server() -> None:
    with serving(boots(kernel="/k", initrd=["i"], cmdline='quiet seed={{ URL "seed" }}')) as api, asking(api) as made:
        machines = Netboot(made)
        assert machines.discover(architecture=7) is not None
        offer = machines.discover(ipxe=True)
        assert offer is not None
        lines = machines.script(serial="S-1").splitlines()
    assert lines[2].startswith("kernel --name kernel http://192.0.2.2/_/file?name=")
    (line,) = [line for line in lines if line.startswith("boot ")]
    assert line.startswith("boot kernel initrd=initrd0 quiet seed=http://192.0.2.2/_/file?name=")
    assert api.url not in "".join(lines)
    assert api.asked[-1].headers["X-Pixiecore-Serial"] == "S-1"
    assert api.asked[0].headers["X-Pixiecore-Firmware"] == "UEFI"


def test_its_command_line_may_report_steps() -> None:
    line = 'quiet {{ URL "seed" }} r={{ REPORT "log in" }}{{ SYSLOG " log_host=HOST" }}'
    with serving(boots(kernel="/k", cmdline=line)) as api, asking(api) as made:
        machines = Netboot(made)
        url = machines.script().partition(" r=")[2].split()[0]
        assert machines.get(url) == (200, "noted\n")
        assert machines.sentences(MAC)[-1].endswith(" reports: log in")
        machines.close()


def test_reasons_reach_the_log() -> None:
    with serving(lambda reply: reply.raw(b"", 404)) as api, asking(api, api_down="hold-all") as made:
        machines = Netboot(made)
        assert machines.discover() is None
        with pytest.raises(LookupError, match=r"404 you don't netboot: the API said no$"):
            machines.script()
    with pytest.raises(LookupError, match=r"503 the API cannot be reached$"):
        machines.script()
    assert f"Ignoring {MAC} (BIOS i386): the API (GET {api.url}/v1/boot/{MAC}) said 404 Not Found" in machines.log
    assert f"Holding {MAC}: the API (GET {api.url}/v1/boot/{MAC}) cannot be reached: Connection refused" in machines.log


@pytest.fixture(scope="module")
def echo() -> Iterator[tuple[Api, ApiBooter]]:
    with serving(boots()) as api, asking(api) as made:
        yield api, made


@settings(deadline=None)
@given(body=st.binary(max_size=200) | st.from_regex(rb'\{"kernel": "[^"]*", "cmdline": [^}]*\}', fullmatch=True))
def test_whatever_an_api_says_is_a_decision_with_a_reason(echo: tuple[Api, ApiBooter], body: bytes) -> None:
    api, made = echo
    api.behaviour = lambda reply: reply.raw(body)
    answer = made.select_boot(AT_SCRIPT)
    assert isinstance(answer, BootSpec) or (isinstance(answer, Ignore) and "said 200 OK, but " in answer.reason)
