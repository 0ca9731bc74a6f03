"""The kit that plugin authors use: whole boots in memory, fakes, and a contract that catches what it is for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, Field

from pixiecore_core import (
    BootFile,
    BootSpec,
    CmdlineFunction,
    ConfigError,
    Fact,
    FileRef,
    Firmware,
    FirmwareFamily,
    FirmwareRegistrar,
    Hold,
    Ignore,
    Loader,
    LocalDisk,
    Machine,
    Noted,
    PageAnswer,
    PageRequest,
    Reporter,
    RouteRegistrar,
    UrlFor,
    hookimpl,
)
from pixiecore_core.testing import (
    BooterContract,
    BrokenBooter,
    EmptyBooter,
    FixedBooter,
    Netboot,
    SlowBooter,
    configured,
)

MAC = "52:54:00:12:34:56"


def test_a_whole_boot(tmp_path: Path, netboot: Callable[..., Netboot], firmware: int) -> None:
    for name in ("vmlinuz", "one", "two"):
        (tmp_path / name).write_bytes(name.encode())
    refs = [FileRef(location=str(tmp_path / name)) for name in ("vmlinuz", "one", "two")]
    machines = netboot(FixedBooter(BootSpec(kernel=refs[0], initrds=tuple(refs[1:]), cmdline="console=ttyS0 quiet")))
    boot = machines.boot(MAC, firmware)
    assert boot is not None
    assert boot.offer.boot_file.startswith(f"{MAC}/")
    assert boot.script_offer.boot_file.startswith("http://192.0.2.2/_/ipxe/")
    assert (boot.cmdline, boot.kernel, boot.initrds) == ("console=ttyS0 quiet", b"vmlinuz", (b"one", b"two"))
    kinds = [fact.kind for fact in machines.facts()]
    assert kinds == ["offered", "script-offered", "script-sent", "kernel-sent", "initrd-sent", "initrd-sent", "booting"]


def test_an_ipxe_rom_goes_straight_to_its_script(netboot: Callable[..., Netboot]) -> None:
    boot = netboot(FixedBooter()).boot(ipxe_rom=True)
    assert boot is not None
    assert boot.offer == boot.script_offer


def test_machines_that_are_refused_or_that_nobody_can_answer(netboot: Callable[..., Netboot]) -> None:
    assert netboot(EmptyBooter()).boot() is None
    broken = netboot(BrokenBooter())
    assert broken.boot() is None
    assert "plugin 'broken', hook select_boot: RuntimeError: this booter is broken" in broken.log
    slow = netboot(SlowBooter(0.05))
    assert slow.boot() is not None


def test_a_held_machine_is_offered_and_then_told_to_wait(netboot: Callable[..., Netboot]) -> None:
    class Holding:
        name = "holding"

        @hookimpl
        def select_boot(self, machine: Machine) -> Hold:
            return Hold(reason="not yet")

    with pytest.raises(LookupError, match="503 not yet"):
        netboot(Holding()).boot()


def test_pages_words_and_events(netboot: Callable[..., Netboot]) -> None:
    class Plugin:
        name = "mine"

        def __init__(self) -> None:
            self.heard: list[str] = []
            self.done: list[str | None] = []

        @hookimpl
        def register_routes(self, routes: RouteRegistrar) -> None:
            routes("/mine/done", self.page)

        def page(self, request: PageRequest) -> PageAnswer:
            self.done.append(request.mac)
            return PageAnswer(text="thank you " + request.token)

        @hookimpl
        def cmdline_functions(self, url_for: UrlFor) -> dict[str, CmdlineFunction]:
            return {"DONE": lambda: url_for.page("/mine/done")}

        @hookimpl
        def on_event(self, fact: Fact) -> None:
            self.heard.append(fact.kind)

    plugin = Plugin()
    booter = FixedBooter(BootSpec(kernel=FileRef(location=__file__), cmdline="done={{ DONE }}"))
    machines = netboot(booter, plugin)
    boot = machines.boot()
    assert boot is not None
    assert machines.get(boot.cmdline.removeprefix("done="), token="t") == (200, "thank you t")
    assert machines.get("/mine/done?name=forged") == (200, "thank you ")
    assert plugin.done == [MAC, None]
    machines.settle()
    assert plugin.heard == ["offered", "script-offered", "script-sent", "kernel-sent", "booting"]


class _Settings(BaseModel):
    colour: str = Field(default="red", description="a colour")


class _Good(FixedBooter):
    Settings = _Settings


class TestAGoodBooter(BooterContract):
    def make_booter(self, folder: Path) -> Any:
        return _Good()


class _Picky(_Good):
    @hookimpl
    def select_boot(self, machine: Machine) -> BootSpec:
        assert machine.architecture is not None
        return self.spec


class _Forgetful(_Good):
    asked = 0

    @hookimpl
    def select_boot(self, machine: Machine) -> BootSpec | Ignore:  # type: ignore[override]
        self.asked += 1
        return self.spec if self.asked == 1 else Ignore(reason="once is enough")


class _Undescribed(_Good):
    class Settings(BaseModel):  # type: ignore[assignment]
        colour: str = "red"


@pytest.mark.parametrize(
    ("booter", "check"),
    [
        (_Picky, "test_no_architecture_makes_it_raise"),
        (_Forgetful, "test_the_same_machine_gets_the_same_answer"),
        (_Undescribed, "test_it_has_a_name_and_settings"),
    ],
)
def test_the_contract_finds_what_it_is_for(booter: type[Any], check: str, tmp_path: Path) -> None:
    contract = type("Contract", (BooterContract,), {"make_booter": lambda self, folder: booter()})()
    with pytest.raises(AssertionError):
        getattr(contract, check)(tmp_path)


def test_the_contract_finds_a_booter_that_blocks(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_blocking="""
        import time
        from pixiecore_core import hookimpl
        from pixiecore_core.testing import BooterContract, FixedBooter

        class Blocking(FixedBooter):
            @hookimpl
            def select_boot(self, machine):
                end = time.monotonic() + 0.8
                while time.monotonic() < end:
                    pass
                return self.spec

        class TestBlocking(BooterContract):
            def make_booter(self, folder):
                return Blocking()
        """
    )
    result = pytester.runpytest_inprocess("-k", "block_the_loop", "-p", "no:cacheprovider")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*the event loop stood still for 0.8 s*"])


@pytest.mark.parametrize("addopts", ["-q", "-qq --no-summary", "-n 2", "-v -rA"])
def test_the_contract_passes_whatever_a_project_adds_to_pytest(pytester: pytest.Pytester, addopts: str) -> None:
    pytester.makeini(f"[pytest]\naddopts = {addopts}\n")
    pytester.makepyfile(
        test_quick="""
        from pixiecore_core.testing import BooterContract, FixedBooter

        class TestQuick(BooterContract):
            def make_booter(self, folder):
                return FixedBooter()
        """
    )
    assert pytester.runpytest_inprocess("-k", "block_the_loop", "-p", "no:cacheprovider").ret == 0


AMIGA = Firmware(
    cpu="m68k",
    family=FirmwareFamily.UEFI,
    codes=(900,),
    platform="efi",
    loader=Loader(
        name="efi-m68k",
        serves="Amigas",
        boot_file="snponly.efi",
        setting="ipxe_m68k",
        files=("snponly-m68k.efi",),
        pe_machine=0x268,
    ),
)


class Amigas:
    """A plugin that brings one row, and the loader of it."""

    name = "amigas"

    @hookimpl
    def register_firmware(self, register: FirmwareRegistrar) -> None:
        register(AMIGA)

    @hookimpl
    def provide_bootloader(self, loader: str) -> BootFile | None:
        return BootFile.from_bytes("snponly.efi", b"for " + loader.encode())


def test_an_architecture_of_one_row_in_a_plugin_boots() -> None:
    machines = Netboot(FixedBooter(), Amigas())
    boot = machines.boot(MAC, 900)
    assert boot is not None
    assert boot.offer.boot_file == f"{MAC}/efi-m68k/snponly.efi"
    assert machines.loader(boot.offer) == b"for efi-m68k"
    assert boot.cmdline == "quiet"
    assert boot.kernel
    assert "UEFI m68k" in machines.log
    assert Netboot(FixedBooter()).boot(MAC, 900) is None


class Racks:
    """A policy with settings, which reports, takes a POST and reads again."""

    name = "racks"

    class Settings(BaseModel):
        racks: list[str] = Field(default=[], description="racks that boot")
        most: int = Field(default=3, ge=1, description="machines at once")

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.reloaded = 0
        self.heard: list[str] = []

    @hookimpl
    def take_reporter(self, reporter: Reporter) -> None:
        self.reporter = reporter

    @hookimpl
    def on_reload(self) -> None:
        self.reloaded += 1

    @hookimpl
    def on_event(self, sentence: str) -> None:
        self.heard.append(sentence)

    @hookimpl
    def register_routes(self, routes: RouteRegistrar) -> None:
        routes("/racks/report", self.page, methods=["POST"])

    def page(self, request: PageRequest) -> PageAnswer:
        self.reporter.note(
            MAC, f"says {request.body.decode()}", method=request.method, agent=request.headers["x-agent"]
        )
        self.reporter.count("reports")
        return PageAnswer(text="thanks")


def test_a_plugin_adds_facts_and_counts_of_its_own(netboot: Callable[..., Netboot]) -> None:
    racks = configured(Racks, racks="a7")
    machines = netboot(FixedBooter(), racks)
    assert machines.post("/racks/report", b"hello", headers={"X-Agent": "curl"}) == (200, "thanks")
    machines.boot()
    machines.settle()
    (fact, *_) = machines.facts(MAC)
    assert isinstance(fact, Noted)
    assert (fact.plugin, fact.text, fact.values) == ("racks", "says hello", {"method": "POST", "agent": "curl"})
    assert machines.sentences(MAC)[0] == "racks: says hello"
    assert "[Plugin] racks: says hello\n" in machines.log
    assert 'pixiecore_plugin_counts_total{count="reports",plugin="racks"} 1.0' in machines.counts()
    assert "racks: says hello" not in racks.heard, "what it says itself it need not hear"
    assert any("Offering to boot" in sentence for sentence in racks.heard)


def test_a_page_is_asked_as_it_wants_to_be(netboot: Callable[..., Netboot]) -> None:
    machines = netboot(FixedBooter(), configured(Racks))
    status, text = machines.get("/racks/report")
    assert (status, text) == (405, "this page does not take that method")


@pytest.mark.parametrize("odd", ["Not A Name", "", "x" * 65])
def test_counts_have_names_that_no_machine_makes_up(netboot: Callable[..., Netboot], odd: str) -> None:
    racks = configured(Racks)
    netboot(FixedBooter(), racks)
    with pytest.raises(ValueError, match="is not a name for a count"):
        racks.reporter.count(odd)
    for number in range(100):
        racks.reporter.count(f"n{number}")
    racks.reporter.count("n5")
    with pytest.raises(ValueError, match="one count too many"):
        racks.reporter.count("another")
    with pytest.raises(ValueError, match="never falls"):
        racks.reporter.count("n5", -1)
    with pytest.raises(ValueError, match="is not a MAC address"):
        racks.reporter.note("nobody", "text")


def test_settings_are_given_as_a_user_would(netboot: Callable[..., Netboot]) -> None:
    assert configured(Racks, racks="a7").settings.racks == ["a7"], "a text stands for a list of one"
    with pytest.raises(ConfigError, match=r"\[plugin.racks\] rakcs: there is no setting 'rakcs'; did you mean 'racks'"):
        configured(Racks, rakcs=["a7"])
    with pytest.raises(ConfigError, match=r"\[plugin.racks\] most: "):
        configured(Racks, most=0)


def test_the_kit_reloads(netboot: Callable[..., Netboot]) -> None:
    racks = configured(Racks)
    netboot(FixedBooter(), racks).reload()
    assert racks.reloaded == 1


class _ToDisk(_Good):
    @hookimpl
    def select_boot(self, machine: Machine) -> LocalDisk:  # type: ignore[override]
        return LocalDisk(reason="it is installed")


@pytest.mark.parametrize("code", [0, 7, 11, 16])
def test_a_machine_goes_to_its_disk(code: int) -> None:
    machines = Netboot(_ToDisk())
    boot = machines.boot(architecture=code)
    assert boot is not None
    assert (boot.kernel, boot.initrds, boot.cmdline) == (b"", (), "")
    assert "sanboot --no-describe --drive 0x80 ||" in boot.script
    offers = [fact for fact in machines.facts() if fact.kind in ("offered", "script-offered")]
    assert [getattr(fact, "local", None) for fact in offers] == [True, True]
    assert [fact.kind for fact in machines.facts()][-1] == "local"
    assert machines.sentences()[-1].endswith("on to its disk (192.0.2.100): it is installed")
    assert "booting" not in [fact.kind for fact in machines.facts()]
    assert machines.discover(architecture=code) is not None, "switched on again"
    machines.close()


def test_an_ipxe_that_cannot_go_to_the_disk_is_told_so() -> None:
    machines = Netboot(_ToDisk())
    script = machines.script(version="1.0.0+git-20190125.36a4c85-5.1")
    assert script.splitlines()[1].startswith("echo This iPXE cannot start the disk: its iPXE is 1.0.0+git-20190125.")
    assert script.splitlines()[-1] == "exit 1"
    (fact,) = machines.facts()
    assert fact.kind == "ignored"
    assert "which is left to its firmware (it is installed): its iPXE is 1.0.0" in machines.sentences()[0]
    machines.close()


def test_firmware_with_no_way_to_the_disk_is_offered_nothing() -> None:
    machines = Netboot(_ToDisk())
    assert machines.discover(architecture=22) is None
    machines.close()


def test_the_contract_takes_a_booter_that_sends_machines_to_their_disks(tmp_path: Path) -> None:
    contract = type("Contract", (BooterContract,), {"make_booter": lambda self, folder: _ToDisk()})()
    contract.test_no_architecture_makes_it_raise(tmp_path)
    contract.test_the_same_machine_gets_the_same_answer(tmp_path)
