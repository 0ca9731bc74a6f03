"""A machine that refuses an offer gets another before its firmware gives up: simulated clients, each with a taste of
its own, at the datagrams that real ones send.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import pytest

from pixiecore_core import (
    Booting,
    Fact,
    Failed,
    FirmwareFamily,
    Held,
    Ignored,
    LoaderSent,
    Offered,
    OfferVariant,
    ScriptOffered,
    ScriptSent,
    SentToDisk,
)
from pixiecore_core.boot.variants import ROWS, VariantTable
from pixiecore_core.cli.offer_keeping import open_offer_memory
from pixiecore_core.engine.offer_memory import OfferMemory, Worked
from pixiecore_core.errors import ConfigError
from pixiecore_core.models import Client, Trouble
from pixiecore_core.net.tftp_files import TftpFiles
from pixiecore_core.settings.server import ServerSettings
from pixiecore_core.wire.dhcp4 import Dhcp4Message, MessageType, Option
from tests.messages import HTTP_IPXE, REQUEST, architecture, message
from tests.net.test_answering import MAC, SPEC, Bench

BIOS, UEFI = 0, 7
WINDOWS = (0, 4, 12, 28)
"""Seconds at which firmware asks (PXE 2.1 section 2.2.3; EDK2 the same)."""
CLASSES = {BIOS: b"PXEClient:Arch:00000:UNDI:002001", UEFI: b"PXEClient:Arch:00007:UNDI:003016"}


@dataclass
class PickyClient:
    """Firmware that takes an answer of one kind only."""

    bench: Bench
    code: int
    takes: Callable[[Dhcp4Message], bool]
    mac: bytes = bytes.fromhex(MAC.replace(":", ""))

    def ask(self, seconds: int = 0) -> Dhcp4Message:
        options = architecture(self.code) | {Option.VENDOR_CLASS: CLASSES[self.code]}
        ((reply, *_),) = self.bench.ask(message(options, secs=seconds, chaddr=self.mac))
        assert isinstance(reply, Dhcp4Message)
        return reply

    def boot(self, tries: int = 4) -> list[str]:
        """Ask as often as firmware does in one attempt, and fetch what is taken; the ways that were offered."""
        started = self.bench.now
        for seconds in WINDOWS[:tries]:
            self.bench.now = started + seconds
            if self.takes(self.ask(seconds)):
                self.fetch()
                break
        facts = self.bench.attempts.facts(self.mac.hex(":"))
        return [fact.variant for fact in facts if isinstance(fact, Offered)]

    def fetch(self) -> None:
        """The loader, then iPXE's own question."""
        mac = self.mac.hex(":")
        self.bench.core.bus.report(
            LoaderSent(mac=mac, via="TFTP", file="x", purpose="loader", bytes=1, size=1, seconds=0)
        )
        self.bench.ask(message(architecture(self.code) | HTTP_IPXE, chaddr=self.mac))


TASTES: dict[str, tuple[int, Callable[[Dhcp4Message], bool]]] = {
    "bios": (BIOS, lambda reply: reply.options.get(Option.VENDOR_SPECIFIC) == b"\x06\x01\x08\xff"),
    "binl": (UEFI, lambda reply: Option.VENDOR_SPECIFIC not in reply.options),
    "skip-discovery": (UEFI, lambda reply: reply.options.get(Option.VENDOR_SPECIFIC) == b"\x06\x01\x08\xff"),
    "boot-item": (BIOS, lambda reply: b"\x47\x04\x80\x00" in reply.options.get(Option.VENDOR_SPECIFIC, b"")),
    "no-class": (UEFI, lambda reply: Option.VENDOR_CLASS not in reply.options),
    "menu": (UEFI, lambda reply: b"Pixiecore" in reply.options.get(Option.VENDOR_SPECIFIC, b"")),
}
"""What a client takes that takes only this row."""


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    bench.plugin(select_boot=lambda machine: SPEC)
    yield bench
    bench.answerer.stop()


def offering(row: str, bench: Bench) -> PickyClient:
    code, takes = TASTES[row]
    return PickyClient(bench, code, takes)


@pytest.mark.parametrize("row", TASTES)
def test_a_client_that_takes_only_one_row_gets_it(row: str, bench: Bench) -> None:
    """Within one attempt of its firmware; the last rows within the next."""
    client = offering(row, bench)
    offered = client.boot()
    if offered[-1] != row:
        bench.now += 60
        offered = client.boot()
    assert offered[-1] == row
    assert ScriptOffered in bench.kinds()
    # The next time it comes first.
    bench.core.bus.report(Booting(mac=MAC))
    bench.now += 600
    assert client.boot()[-1] == row
    assert [fact.variant for fact in bench.attempts.facts(MAC) if isinstance(fact, Offered)][-1:] == [row]
    # And so it does for others of the same make, once a second one has booted so.
    second = PickyClient(bench, client.code, client.takes, bytes.fromhex("525400abcdef"))
    if second.boot()[-1] != row:
        bench.now += 60
        second.boot()
    bench.core.bus.report(Booting(mac=second.mac.hex(":")))
    other = PickyClient(bench, client.code, client.takes, bytes.fromhex("525400abcd01"))
    assert other.boot() == [row]


def test_every_wording_for_firmware_has_a_client_that_needs_it() -> None:
    wordings = {row.name for row in ROWS if row.trouble is Trouble.OFFER and row.client is Client.PXE}
    assert wordings == {*TASTES, "on-request", "pi", "u-boot"}, "the last are in test_own_ways"


def test_what_is_tried_is_told(bench: Bench) -> None:
    offering("skip-discovery", bench).boot()
    log = bench.log.getvalue()
    assert f"Offering to boot {MAC} (UEFI x86_64 on eth0)\n" in log
    assert "(UEFI x86_64 on eth0), now skip-discovery: it has not taken binl\n" in log


def test_an_intel_rom_that_wants_its_request_answered(bench: Bench) -> None:
    client = PickyClient(bench, BIOS, lambda reply: False)
    asked = message(architecture(BIOS) | REQUEST | {Option.VENDOR_CLASS: CLASSES[BIOS]})
    while client.boot()[-1] != "on-request":
        assert bench.ask(asked) == [], "a REQUEST is for the DHCP server"
        bench.now += 10
    bench.now += 3
    ((reply, destination, *_),) = bench.ask(asked)
    assert (reply.message_type, reply.yiaddr) == (MessageType.ACK, message().yiaddr)
    assert destination == ("255.255.255.255", 68)
    assert reply.file.endswith(b"undionly.kpxe")
    ((again, *_),) = bench.ask(asked)
    assert again.message_type == MessageType.ACK, "a REQUEST is no refusal"


def test_one_question_that_was_answered_and_not_repeated_is_no_refusal(bench: Bench) -> None:
    """Another instance has served it: this one saw no file fetched, and no iPXE ask."""
    client = offering("binl", bench)
    for _ in range(3):
        assert Option.VENDOR_SPECIFIC not in client.ask().options
        bench.now += 600
    assert "now " not in bench.log.getvalue()


def test_what_was_refused_to_the_end_is_not_begun_with_again(bench: Bench) -> None:
    client = PickyClient(bench, UEFI, lambda reply: False)
    assert client.boot() == ["binl", "skip-discovery", "boot-item", "menu"]
    bench.now += 300
    assert Option.VENDOR_CLASS not in client.ask().options, "the fifth row"


def test_each_client_of_a_machine_goes_on_where_it_was(bench: Bench) -> None:
    """EDK2 tries PXE, then HTTP Boot, then PXE again."""
    client = PickyClient(bench, UEFI, lambda reply: False)
    client.boot()
    http = architecture(16) | {Option.VENDOR_CLASS: b"HTTPClient:Arch:00016:UNDI:003016"}
    for _ in range(2):
        bench.now += 4
        ((reply, *_),) = bench.ask(message(http))
        assert reply.options[Option.VENDOR_CLASS] == b"HTTPClient"
    bench.now += 30
    assert Option.VENDOR_CLASS not in client.ask().options, "the fifth row"


def test_a_copy_of_the_question_is_no_refusal(bench: Bench) -> None:
    client = offering("skip-discovery", bench)
    client.ask()
    bench.now += 1.9
    assert Option.VENDOR_SPECIFIC not in client.ask(1).options


def test_what_has_worked_is_not_given_up_for_one_silence(bench: Bench) -> None:
    """The main DHCP server may have been slow."""
    client = offering("binl", bench)
    client.boot()
    bench.core.bus.report(Booting(mac=MAC))
    bench.now += 600
    first, second, third = (client.ask(seconds) for seconds in _clocked(bench, 0, 4, 12))
    assert Option.VENDOR_SPECIFIC not in first.options
    assert Option.VENDOR_SPECIFIC not in second.options
    assert Option.VENDOR_SPECIFIC in third.options


def _clocked(bench: Bench, *seconds: int) -> Iterator[int]:
    started = bench.now
    for second in seconds:
        bench.now = started + second
        yield second


def test_all_rows_are_tried_and_then_it_begins_again(bench: Bench) -> None:
    client = PickyClient(bench, UEFI, lambda reply: False)
    offered = [client.boot()[-1] for _ in range(3) if not _later(bench)]
    facts = [fact.variant for fact in bench.attempts.facts(MAC) if isinstance(fact, Offered)]
    names = [row.name for row in VariantTable().rows.values()]
    wordings = ["binl", "skip-discovery", "boot-item", "menu", "no-class", "on-request"]
    assert facts[:7] == [*wordings, "binl"]
    assert set(offered) <= set(names)


def _later(bench: Bench) -> None:
    bench.now += 40


def fails(bench: Bench) -> None:
    bench.core.bus.report(Failed(mac=MAC, via="TFTP", step="transfer", reason="the client fell silent", bytes=512))


def test_a_transfer_that_fails_gets_smaller_blocks(bench: Bench) -> None:
    client, limits = offering("bios", bench), bench.core.adapter.limits
    client.ask()
    assert limits(MAC) == (None, None)
    for before, after in (((None, None), (1024, 1)), ((1024, 1), (512, 1)), ((512, 1), (None, None))):
        for expected in (before, after):  # one may be an accident
            fails(bench)
            bench.now += 10
            client.ask()
            assert limits(MAC) == expected
    for _ in range(2):
        fails(bench)
        bench.now += 10
        client.ask()
    client.fetch()
    assert bench.attempts.latest(MAC).facts[-1].variant == "ipxe"  # type: ignore[union-attr]
    assert limits(MAC) == (1024, 1), "which is what has worked"
    assert "now bios+small-blocks: its first file has not arrived\n" in bench.log.getvalue()
    files = TftpFiles(bench.core.first_stage, bench.core.bus, limits)
    opened = files.open(f"{MAC}/autoexec/autoexec.ipxe", ("192.0.2.77", 1000), "192.0.2.2")
    assert (opened.most_blksize, opened.most_windowsize) == (1024, 1)
    opened.close()


@pytest.fixture
def both(tmp_path: Path) -> Iterator[Bench]:
    """A bench with both builds of iPXE for UEFI."""
    bench = Bench()
    bench.plugin(select_boot=lambda machine: SPEC)
    paths = bench.core.decider.loaders.paths
    assert isinstance(paths, dict)
    paths["efi-x64-native"] = Path("/z")
    yield bench
    bench.answerer.stop()


def loaded(bench: Bench) -> None:
    sent = LoaderSent(mac=MAC, via="TFTP", file="x", purpose="loader", bytes=1, size=1, seconds=0)
    bench.core.bus.report(sent)


def test_an_ipxe_that_stays_silent_gives_way_to_another_build(both: Bench) -> None:
    client = offering("binl", both)
    assert client.ask().file == f"{MAC}/efi-x64/snponly.efi".encode()
    loaded(both)
    both.now += 15
    assert client.ask().file == f"{MAC}/efi-x64/snponly.efi".encode(), "somebody may have switched it off"
    loaded(both)
    both.now += 25
    assert client.ask().file == f"{MAC}/efi-x64-native/ipxe.efi".encode()
    assert "now binl+other-ipxe: it has fetched iPXE and not been heard of since (is Secure Boot" in both.log.getvalue()
    loaded(both)
    both.ask(message(architecture(UEFI) | HTTP_IPXE))
    both.core.bus.report(Booting(mac=MAC))
    both.now += 600
    assert client.ask().file == f"{MAC}/efi-x64-native/ipxe.efi".encode()


def test_without_another_build_it_stays_as_it_is(bench: Bench) -> None:
    client = offering("binl", bench)
    client.ask()
    loaded(bench)
    bench.now += 60
    assert client.ask().file == f"{MAC}/efi-x64/snponly.efi".encode()
    assert "now " not in bench.log.getvalue()


def test_a_machine_that_boots_without_ipxe_has_not_failed(both: Bench) -> None:
    """One file is all it fetches."""
    client = offering("binl", both)
    client.ask()
    loaded(both)
    both.core.bus.report(Booting(mac=MAC))
    both.now += 600
    assert client.ask().file == f"{MAC}/efi-x64/snponly.efi".encode()


def test_a_row_by_hand_stays(bench: Bench) -> None:
    bench.core.adapter.pinned = VariantTable().pinned([f"{MAC.upper()}=no-class", "menu"])
    client = PickyClient(bench, UEFI, lambda reply: False)
    assert set(client.boot()) == {"no-class"}
    assert "now" not in bench.log.getvalue()
    other = PickyClient(bench, UEFI, lambda reply: False, bytes.fromhex("525400abcdef"))
    assert set(other.boot()) == {"menu"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nul", "there is no offer variant 'nul'"),
        ("small-blocks", "words no offer"),
        ("xx=menu", "'xx' is not a MAC address"),
    ],
)
def test_no_such_row(text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        VariantTable().pinned([text])


def test_a_plugin_brings_a_row_and_picks_it(bench: Bench) -> None:
    row = OfferVariant(
        name="odd",
        client=Client.PXE,
        families=(FirmwareFamily.UEFI,),
        vendor_specific=b"\x01\x01\x01\xff",
        source="a trial",
    )
    table = VariantTable({"mine": [row]})
    bench.core.adapter.table = table
    seen = []

    def pick_offer(request: object, variants: tuple[str, ...]) -> str | None:
        seen.append(variants)
        return "odd" if len(seen) > 1 else None

    bench.plugin("picker", pick_offer=pick_offer)
    client = PickyClient(bench, UEFI, lambda reply: False)
    assert client.boot(2) == ["binl", "odd"]
    assert seen[0] == ("binl", "skip-discovery", "boot-item", "menu", "no-class", "on-request", "odd")
    with pytest.raises(ConfigError, match=r"plugin 'other': there already is an offer variant 'odd'"):
        VariantTable({"mine": [row], "other": [row]})


def test_a_plugin_that_picks_what_is_not_there_is_named(bench: Bench) -> None:
    bench.plugin("picker", pick_offer=lambda request: "http-boot")
    assert offering("binl", bench).boot() == ["binl"]
    assert "plugin 'picker', hook pick_offer: there is no variant 'http-boot' for this request" in bench.log.getvalue()


def test_what_worked_is_known_after_a_restart(tmp_path: Path) -> None:
    settings = ServerSettings(offer_memory=tmp_path / "offers.sqlite")
    told: list[str] = []
    memory = open_offer_memory(settings, told.append)
    usual = {Trouble.OFFER: "binl"}
    memory.worked(MAC, {Trouble.OFFER: "skip-discovery"}, usual)
    for number in range(2):
        memory.taught("52:54:00 PXEClient", f"52:54:00:00:00:0{number}", "skip-discovery", "binl")
    memory.worked("02:00:00:00:00:01", usual, usual)
    deadline = monotonic() + 10
    while not (again := open_offer_memory(settings, told.append)).known(MAC, "x y"):
        assert monotonic() < deadline, "it is written without anybody's waiting for it"
    assert again.known(MAC, "x y") == {Trouble.OFFER: "skip-discovery"}
    assert again.known("52:54:00:00:00:09", "52:54:00 PXEClient") == {Trouble.OFFER: "skip-discovery"}
    assert again.known("02:00:00:00:00:01", "02:00:00 PXEClient") == {}, "the usual needs no disk"
    assert told == []


def test_a_file_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(ConfigError, match="--offer-memory"):
        open_offer_memory(ServerSettings(offer_memory=tmp_path / "file" / "x.sqlite"), print)


def test_a_default_file_that_cannot_be_used_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setattr("pixiecore_core.cli.offer_keeping.user_folder", lambda kind: tmp_path / "file")
    told: list[str] = []
    open_offer_memory(ServerSettings(), told.append).worked(MAC, {Trouble.OFFER: "menu"}, {Trouble.OFFER: "binl"})
    assert "will not be known after a restart" in told[0]


def test_memory_is_bounded() -> None:
    kept: dict[str, Worked] = {}
    memory = OfferMemory(kept.__setitem__)
    for number in range(12_000):
        memory.worked(f"mac{number}", {Trouble.OFFER: "menu"}, {Trouble.OFFER: "binl"})
        for teacher in ("a", "b"):
            memory.taught(f"kind {number}", teacher, "menu", "binl")
        memory.taught(f"once {number}", "a", "menu", "binl")
    assert memory.known("mac0", "kind 0") == {}
    assert memory.known("mac11999", "x y") == {Trouble.OFFER: "menu"}
    assert sum(bool(memory.known(f"mac{number}", "x y")) for number in range(12_000)) == 10_000
    assert sum(bool(memory.known("x", f"kind {number}")) for number in range(12_000)) == 1_000
    assert len(kept) == 24_000


@pytest.mark.parametrize(
    "told",
    [
        SentToDisk(mac=MAC, address="192.0.2.77"),
        Held(mac=MAC, asked_for="script", reason="wait", seconds=5),
        Ignored(mac=MAC, stage="script", reason="not today"),
        Failed(mac=MAC, via="HTTP", step="script", reason="broken"),
    ],
    ids=lambda fact: fact.kind,
)
def test_an_ipxe_that_asks_for_its_script_has_come_up_whatever_it_is_told(both: Bench, told: Fact) -> None:
    """One that its autoexec script leads there asks no DHCP."""
    client = offering("binl", both)
    for _ in range(5):
        assert client.ask().file == f"{MAC}/efi-x64/snponly.efi".encode()
        loaded(both)
        both.core.bus.report(told)
        both.now += 600


def test_what_has_worked_is_given_up_when_it_fails_for_good(both: Bench) -> None:
    """Its card hangs with a new driver, say, or its path has become narrow."""
    client = offering("binl", both)
    client.ask()
    client.fetch()
    both.core.bus.report(Booting(mac=MAC))
    seen = set()
    for _ in range(6):
        both.now += 600
        seen.add(client.ask().file.decode().split("/")[1])
        loaded(both)
    assert seen == {"efi-x64", "efi-x64-native"}


def test_a_stranger_who_asks_in_a_machines_name_stops_nothing(bench: Bench) -> None:
    """Neither a script that is fetched for it nor a transfer that nobody acknowledges."""
    client, started, offered = offering("no-class", bench), bench.now, []
    for seconds in (0, 4, 12, 28, 60):
        bench.now = started + seconds
        if client.takes(client.ask(seconds)):
            offered.append(seconds)
        bench.core.bus.report(ScriptSent(mac=MAC))
        bench.core.bus.report(Failed(mac=MAC, via="TFTP", step="transfer", reason="nobody acknowledged it"))
    assert offered == [60]


def test_a_neighbour_cannot_teach_a_make_by_one_made_up_machine(bench: Bench) -> None:
    forged = PickyClient(bench, UEFI, TASTES["no-class"][1])
    forged.boot()
    bench.now += 40
    forged.boot()
    for _ in range(5):
        bench.core.bus.report(Booting(mac=MAC))
    other = PickyClient(bench, UEFI, TASTES["binl"][1], bytes.fromhex("525400abcdef"))
    assert other.boot() == ["binl"]


def test_an_ipxe_that_asks_its_dhcp_server_is_not_answered(bench: Bench) -> None:
    bench.core.adapter.pinned = VariantTable().pinned(["on-request"])
    client = PickyClient(bench, UEFI, lambda reply: False)
    client.ask()
    assert len(bench.ask(message(architecture(UEFI) | REQUEST))) == 1
    assert bench.ask(message(architecture(UEFI) | REQUEST | HTTP_IPXE)) == []


def test_a_pin_holds_on_4011_too(bench: Bench) -> None:
    bench.core.adapter.pinned = VariantTable().pinned(["no-class"])
    ((ack, *_),) = bench.ask(message(architecture(UEFI) | REQUEST), "pxe", destination="192.0.2.2")
    assert Option.VENDOR_CLASS not in ack.options


def test_two_pins_for_all() -> None:
    with pytest.raises(ConfigError, match="two are given for all machines, menu and binl"):
        VariantTable().pinned(["menu", "binl"])
