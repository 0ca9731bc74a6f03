"""What machines report by sealed URLs: steps that failed, steps of booted systems; and what strangers make of it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixiecore_core import BootSpec, FileRef, GiveUp, Ignore, Machine, Retry, StepFailed, hookimpl
from pixiecore_core.net.report_pages import REPORTS
from pixiecore_core.testing import FixedBooter, Netboot

MAC = "52:54:00:12:34:56"
SPEC = BootSpec(kernel=FileRef(location=__file__), cmdline='quiet done={{ REPORT "login" }}')


@pytest.fixture
def network() -> Iterator[Netboot]:
    made = Netboot(FixedBooter(SPEC))
    yield made
    made.close()


def failed_url(network: Netboot) -> str:
    """What a script of the machine asks where it fails."""
    found = re.search(r"^chain --replace (\S+)&step=\$\{step\}", network.script(MAC), re.MULTILINE)
    assert found is not None
    return found[1]


def test_a_step_that_failed_is_told_and_answered_by_a_script(network: Netboot) -> None:
    url = failed_url(network)
    status, text = network.get(f"{url}&step=kernel&errno=0x4c0a6035&dmesg=")
    assert status == 200
    assert text.startswith("#!ipxe\nimgfree ||\necho Pixiecore: it could not load its kernel: connection timed out")
    again = re.search(r"chain --replace (http://192.0.2.2/_/ipxe/\S+)", text)
    assert again is not None
    assert network.get(again[1])[0] == 200, "it leads to the script once more"
    assert [fact.kind for fact in network.facts(MAC)] == ["script-sent", "step-failed"]
    assert network.sentences(MAC)[-1] == (
        f"{MAC} failed to load its kernel: connection timed out (ipxe.org/err/4c0a60); it tries again in 5 s (1 of 2)"
    )


@pytest.mark.parametrize("query", ["", "&step=", "&step=kernel%0areboot", "&step=initrd99999", "&step=" + "x" * 5000])
def test_a_step_that_there_is_not(network: Netboot, query: str) -> None:
    assert network.get(failed_url(network) + query)[0] == 403
    assert "step-failed" not in [fact.kind for fact in network.facts(MAC)]


@pytest.mark.parametrize("path", ["failed", "report"])
@pytest.mark.parametrize("name", ["", "?name=forged", "?name=" + "A" * 20000, "?mac=52:54:00:12:34:56"])
def test_a_url_that_was_not_made_here(network: Netboot, path: str, name: str) -> None:
    assert network.get(f"/_/{path}{name}{'&' if name else '?'}step=kernel")[0] == 403


def test_one_pages_token_opens_no_other(network: Netboot) -> None:
    url = failed_url(network)
    assert network.get(url.replace("/_/failed", "/_/report") + "&step=boot")[0] == 403


def test_the_booted_system_reports(network: Netboot) -> None:
    boot = network.boot(MAC)
    assert boot is not None
    url = boot.cmdline.partition("done=")[2]
    assert network.get(url) == (200, "noted\n")
    assert network.get(url + "%20done") == (200, "noted\n")
    said = network.sentences(MAC)
    assert said[-2:] == [f"{MAC} reports: login", f"{MAC} reports: login done"]


def test_reports_are_rationed(network: Netboot) -> None:
    boot = network.boot(MAC)
    assert boot is not None
    url = boot.cmdline.partition("done=")[2]
    answers = [network.get(url)[0] for _ in range(int(REPORTS[1]) + 60)]
    assert answers.count(200) >= REPORTS[1]
    assert 429 in answers


def test_a_plugin_decides_what_a_machine_does_that_failed() -> None:
    class Stubborn:
        name = "stubborn"

        @hookimpl
        def on_boot_failure(self, machine: Machine, failure: StepFailed, failures: int) -> Retry | GiveUp | None:
            if failure.step == "disk":
                return None
            return Retry(seconds=1, message=f"once more, {machine.mac}") if failures < 3 else GiveUp(message="enough")

    network = Netboot(FixedBooter(SPEC), Stubborn())
    url = failed_url(network) + "&step=kernel&errno=0x2d0c613b"
    texts = [network.get(url)[1] for _ in range(3)]
    assert "once more, 52:54:00:12:34:56\nsleep 1\n" in texts[0]
    assert texts[2].endswith("; enough\nexit 1\n")
    network.close()


def test_a_machine_that_is_refused_says_why_on_its_screen() -> None:
    class Nobody:
        name = "nobody"

        @hookimpl
        def select_boot(self) -> Ignore:
            return Ignore(reason="the list of Ada and Bob", told="not today")

    network = Netboot(FixedBooter(SPEC), Nobody())
    with pytest.raises(LookupError):
        network.script(MAC)
    urls = network._core.urls.of(_server(), MAC, 0.0)
    status, text = network.get(urls.page("/_/failed") + "&step=script&errno=0x2d0c613b")
    assert (status, "step-failed" in [fact.kind for fact in network.facts(MAC)]) == (200, False)
    assert "echo This machine is not to boot from here" in text
    network.close()


def _server():  # type: ignore[no-untyped-def]
    from ipaddress import IPv4Address

    from pixiecore_core.boot.paths import ServerAddress

    return ServerAddress(IPv4Address("192.0.2.2"))


@given(st.text(max_size=50), st.text(max_size=300))
def test_any_report(errno: str, screen: str) -> None:
    from urllib.parse import quote

    network = Netboot(FixedBooter(SPEC))
    url = f"{failed_url(network)}&step=boot&errno={quote(errno)}&dmesg={quote(screen)}"
    status, text = network.get(url)
    network.close()
    assert status == 200
    assert {line.split(" ")[0] for line in text.splitlines()} <= {"#!ipxe", "imgfree", "echo", "sleep", "chain", "exit"}
