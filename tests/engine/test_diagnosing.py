"""Each cause is told by the facts that speak for it, and by no others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixiecore_core import Client
from pixiecore_core.engine.attempts import Attempts, Outcome
from pixiecore_core.engine.case import Case, Cause
from pixiecore_core.engine.diagnoses.common import outcome_of
from pixiecore_core.engine.diagnosing import diagnose
from pixiecore_core.engine.explaining import explain
from pixiecore_core.engine.neighbour_mends import Problem
from pixiecore_core.engine.neighbours import Neighbour, News
from pixiecore_core.models.facts import (
    AddressAsked,
    Booting,
    Fact,
    Failed,
    Held,
    Ignored,
    InitrdSent,
    KernelSent,
    LoaderSent,
    Noticed,
    Offered,
    PluginFailed,
    PxeAnswered,
    Reported,
    ScriptOffered,
    ScriptSent,
    StepFailed,
    Unanswered,
)

from .samples import SAMPLES

MAC = "52:54:00:12:34:56"


def offered(at: float, client: Client = Client.PXE, **more: Any) -> Offered:
    return Offered(mac=MAC, at=at, stage="dhcp", client=client, architecture="UEFI x86_64", **more)


def to_ipxe(at: float, seconds: int = 11) -> ScriptOffered:
    return ScriptOffered(mac=MAC, at=at, stage="dhcp", client=Client.IPXE, seconds=seconds)


def loader(at: float) -> LoaderSent:
    return LoaderSent(
        mac=MAC, at=at, via="TFTP", file=f"{MAC}/efi-x64/snponly.efi", purpose="loader", bytes=99, size=99, seconds=0.1
    )


def told(at: float) -> PxeAnswered:
    return PxeAnswered(mac=MAC, at=at, stage="pxe", client=Client.PXE)


def kernel(at: float) -> KernelSent:
    return KernelSent(mac=MAC, at=at, via="HTTP", file="vmlinuz", purpose="kernel", bytes=9, size=9, seconds=0.1)


def initrd(at: float) -> InitrdSent:
    return InitrdSent(mac=MAC, at=at, via="HTTP", file="initrd", purpose="initrd", bytes=9, size=9, seconds=0.1)


def script(at: float) -> ScriptSent:
    return ScriptSent(mac=MAC, at=at, address="192.0.2.100")


def booting(at: float) -> Booting:
    return Booting(mac=MAC, at=at)


def asked(at: float, client: str = "firmware") -> AddressAsked:
    return AddressAsked(mac=MAC, at=at, client=client, server="192.0.2.1", asked_for="192.0.2.100")


def case(*facts: Fact, silent: float = 60.0, before: Sequence[Fact] = (), neighbours: Sequence[News] = ()) -> Case:
    attempts = Attempts()
    for fact in facts:
        attempts.add(fact)
    attempt = attempts.latest(MAC)
    outcome = attempt.outcome if attempt is not None else Outcome.UNDER_WAY
    now = (facts[-1].at if facts else 0.0) + silent
    return Case(MAC, facts, before, outcome, now, neighbours)


def news(problem: Problem) -> News:
    return News(Neighbour("192.0.2.1"), problem, "the DHCP server at 192.0.2.1 does so", breaks=True)


WELL = (
    offered(0),
    asked(0.1),
    loader(1),
    to_ipxe(3),
    asked(3.1, "iPXE"),
    script(4),
    kernel(5),
    initrd(6),
    booting(6.1),
)


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (case(), [Cause.NO_REQUEST]),
        (case(offered(0), loader(1), to_ipxe(3, 9), to_ipxe(5, 9)), [Cause.NO_DHCP]),
        (case(Unanswered(mac=MAC, at=0, client=Client.PXE)), [Cause.NO_OFFER]),
        (case(Ignored(mac=MAC, at=0, stage="dhcp", reason="not in the list")), [Cause.IGNORED]),
        (case(Held(mac=MAC, at=0, asked_for="script", reason="wait for Ada", seconds=5), silent=2), [Cause.HELD]),
        (case(offered(0), offered(4, seconds=4), offered(12, seconds=12)), [Cause.OFFER_NOT_TAKEN]),
        (replace(case(offered(0), offered(4), offered(12)), gave_address=False), [Cause.NO_DHCP]),
        (replace(case(offered(0), offered(4), offered(12)), gave_address=True), [Cause.OFFER_NOT_TAKEN]),
        (case(offered(0), offered(4), neighbours=[news(Problem.PXE_CLASS)]), [Cause.OPTION_60]),
        (case(offered(0), offered(4), neighbours=[news(Problem.SECOND_PROXY)]), [Cause.SECOND_PROXY]),
        (case(offered(0), asked(1)), [Cause.TFTP_BLOCKED]),
        (case(offered(0), silent=2), []),
        (
            case(
                offered(0),
                Failed(mac=MAC, at=9, via="TFTP", step="transfer", file="x.efi", size=9, reason="silence"),
            ),
            [Cause.TFTP_BLOCKED],
        ),
        (
            case(
                offered(0),
                Failed(mac=MAC, at=9, via="TFTP", step="transfer", file="x", size=9, bytes=5, reason="silence"),
            ),
            [Cause.TRANSFER_FAILED],
        ),
        (case(offered(0, Client.HTTP_BOOT), asked(1)), [Cause.HTTP_BLOCKED]),
        (case(to_ipxe(0), asked(1, "iPXE")), [Cause.HTTP_BLOCKED]),
        (case(to_ipxe(0), asked(1, "iPXE"), neighbours=[news(Problem.SECOND_PROXY)]), [Cause.SECOND_PROXY]),
        (case(to_ipxe(0), asked(1, "iPXE"), neighbours=[news(Problem.OTHER_FILE)]), [Cause.HTTP_BLOCKED]),
        (case(offered(0), loader(1)), [Cause.LOADER_SILENT]),
        (case(offered(0), loader(1), silent=5), []),
        (case(offered(0), loader(1), to_ipxe(9), script(10), silent=5), []),
        (case(offered(0), loader(1), to_ipxe(3, 4), to_ipxe(5, 10)), [Cause.OFFER_NOT_SEEN]),
        (case(offered(0, without_http=True), loader(1), to_ipxe(3), script(4), silent=1), [Cause.WITHOUT_HTTP]),
        (
            case(to_ipxe(0), PluginFailed(mac=MAC, at=1, plugin="api booter", hook="select_boot", reason="refused")),
            [Cause.SCRIPT_FAILED],
        ),
        (case(to_ipxe(0), Failed(mac=MAC, at=1, via="HTTP", step="script", reason="no word X")), [Cause.SCRIPT_FAILED]),
        (
            case(script(0), Failed(mac=MAC, at=1, via="HTTP", step="file", reason="upstream says 404")),
            [Cause.FILE_FAILED],
        ),
        (
            case(
                script(0),
                Failed(mac=MAC, at=1, via="HTTP", step="transfer", file="k", size=9, bytes=4, reason="it went away"),
            ),
            [Cause.FILE_FAILED],
        ),
        (
            case(script(0), kernel(1), StepFailed(mac=MAC, at=2, step="kernel", number="2e008081", problem="p")),
            [Cause.NOT_A_KERNEL],
        ),
        (
            case(script(0), StepFailed(mac=MAC, at=2, step="kernel", number="4c0a6035", problem="p")),
            [Cause.STEP_FAILED],
        ),
        (case(script(0), StepFailed(mac=MAC, at=2, step="kernel", number="", problem="p")), [Cause.STEP_FAILED]),
        (case(to_ipxe(0), script(1), kernel(2)), [Cause.STALLED]),
        (case(*WELL, silent=10), []),
        (case(*WELL, silent=70), [Cause.SILENT_AFTERWARDS]),
        (case(*WELL, asked(9, "its system"), silent=1000), []),
        (case(*WELL, Reported(mac=MAC, at=9, step="login"), silent=1000), []),
        (case(offered(100), loader(101), silent=1, before=WELL), [Cause.CAME_BACK]),
        (case(offered(100), loader(101), silent=1, before=(*WELL, asked(9, "its system"))), []),
        (case(Noticed(mac=MAC, at=0, what="odd-range", text="asked for 'bytes=u-u'"), silent=1), [Cause.ODD_RANGE]),
        (
            case(offered(0), told(1), offered(61), told(62), loader(63), to_ipxe(65), script(66), silent=1),
            [],
        ),
        (
            case(offered(0), told(4), offered(61, Client.HTTP_BOOT), loader(62), to_ipxe(64), script(65), silent=1),
            [Cause.TIME_LOST],
        ),
        (
            case(offered(0), offered(4), offered(61, Client.HTTP_BOOT), loader(62), to_ipxe(64), script(65), silent=1),
            [Cause.TIME_LOST],
        ),
        (case(offered(0), PxeAnswered(mac=MAC, at=1, stage="pxe", client=Client.PXE), silent=5), []),
    ],
)
def test_each_cause(known: Case, expected: list[Cause]) -> None:
    found = diagnose(known)
    assert [diagnosis.cause for diagnosis in found] == expected
    assert all(diagnosis.says and diagnosis.says[-1] != "." for diagnosis in found)


def test_every_cause_is_tried() -> None:
    rows = test_each_cause.pytestmark[0].args[1]  # type: ignore[attr-defined]
    assert {cause for _, expected in rows for cause in expected} == set(Cause)


def test_a_machine_that_falls_silent_has_stalled() -> None:
    known = case(offered(0), loader(1), to_ipxe(3), script(4), silent=5)
    assert outcome_of(known) is Outcome.UNDER_WAY
    assert outcome_of(case(offered(0), script(4))) is Outcome.STALLED


def test_a_boot_that_went_well_is_told_so() -> None:
    explained = explain(case(*WELL, asked(9, "its system"), silent=500), {})
    assert explained.summary == (
        f"{MAC} booted: its kernel started 6.1 s after its first request, and its system has been heard of"
    )
    assert explained.outcome is Outcome.BOOTED
    assert explained.diagnoses == ()


def test_what_repeats_itself_is_told_once() -> None:
    waits = [Held(mac=MAC, at=n, asked_for="script", reason="wait for Ada", seconds=1) for n in range(5)]
    explained = explain(case(to_ipxe(0), *waits), {})
    assert [line.text for line in explained.lines[1:]] == [f"Holding {MAC}: wait for Ada (×5)"]


def test_mends_name_our_address_and_the_machines_file() -> None:
    names = {"server": "192.0.2.2", "file": "M/efi-x64/snponly.efi", "url": "http://192.0.2.2/_/loader/M"}
    (diagnosis,) = explain(case(offered(0), offered(4)), names).diagnoses
    assert "    dhcp-boot=tag:pixiecore,M/efi-x64/snponly.efi,,192.0.2.2" in diagnosis.mend
    assert any("HttpBootUri to http://192.0.2.2/_/loader/M" in line for line in diagnosis.mend)
    assert f"    dhcp-host={MAC},set:pixiecore" in diagnosis.mend
    assert not any(f"{{{name}}}" in line for line in diagnosis.mend for name in (*names, "mac"))


@given(st.lists(st.sampled_from(SAMPLES), max_size=12), st.floats(0, 10_000))
def test_any_facts_in_any_order_can_be_explained(facts: list[Fact], silent: float) -> None:
    known = case(*[fact.model_copy(update={"at": float(n)}) for n, fact in enumerate(facts)], silent=silent)
    explained = explain(known, {"server": "192.0.2.2", "file": "f", "url": "u"})
    assert explained.summary
    assert len(explained.lines) <= len(facts)
