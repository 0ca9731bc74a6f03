"""Every hook: that it is called, how answers combine, and what a plugin that raises, hangs or answers rubbish does."""

from __future__ import annotations

import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import click
import gevent
import pytest
from gevent.event import Event
from pydantic import BaseModel

from pixiecore_core import (
    BootFile,
    BootFileError,
    BootFileNotFound,
    Booting,
    BootSpec,
    Client,
    CmdlineError,
    CmdlineFunction,
    CommandRegistrar,
    Fact,
    FileRef,
    Firmware,
    FirmwareFamily,
    FirmwareRegistrar,
    GiveUp,
    Held,
    Ignore,
    Machine,
    MachineAction,
    OfferVariant,
    PageAnswer,
    PageRequest,
    PolicyRegistrar,
    PxeRequest,
    Retry,
    RouteRegistrar,
    ScriptSent,
    StepFailed,
    UrlFor,
    hookimpl,
)
from pixiecore_core.cli.commands import Commands
from pixiecore_core.defaults import Defaults
from pixiecore_core.errors import ConfigError, PluginError
from pixiecore_core.firmware.finding import FoundLoaders
from pixiecore_core.firmware.known import KNOWN
from pixiecore_core.plugins import guard as guarding
from pixiecore_core.plugins.installed import Booters, Policies
from pixiecore_core.plugins.manager import CORE, PluginManager

MACHINE = Machine(mac="52:54:00:12:34:56")
REQUEST = PxeRequest(machine=MACHINE, client=Client.PXE, loader="bios", stage="dhcp", transaction_id=1, seconds=0)
SPEC = BootSpec(kernel=FileRef(location="/vmlinuz"))
KERNEL = FileRef(location="/vmlinuz")


class Urls:
    """A url_for that needs no server."""

    def __call__(self, ref: FileRef, purpose: str = "file") -> str:
        return f"url:{ref.location}"

    def booting(self) -> str:
        return "url:booting"

    def page(self, path: str) -> str:
        return f"url:{path}"

    def report(self, step: str) -> str:
        return f"url:{step}"

    def syslog(self, words: str) -> str:
        return words


def plugin(**hooks: Any) -> object:
    """A plugin with the given functions as its hooks."""
    return type("Plugin", (), {name: staticmethod(function) for name, function in hooks.items()})()


def raising(error: Exception) -> Any:
    def hook(**_: Any) -> None:
        raise error

    return hook


@pytest.fixture
def reports() -> list[tuple[PluginError, str | None]]:
    return []


@pytest.fixture
def manager(reports: list[tuple[PluginError, str | None]]) -> PluginManager:
    return PluginManager(lambda error, mac: reports.append((error, mac)), policy_timeout=0.2, event_timeout=0.2)


def file(name: str) -> BootFile:
    return BootFile.from_bytes(name, b"abc")


def test_hook_register_booters(manager: PluginManager) -> None:
    class Mine:
        """Mine."""

        name = "mine"
        Settings = type("Settings", (BaseModel,), {})

    @hookimpl
    def register_booters(register: Any) -> None:
        register(Mine)

    manager.register(plugin(register_booters=register_booters), "p")
    booters = Booters()
    manager.register_booters(booters)
    assert booters.choose("mine") is Mine
    with pytest.raises(ConfigError, match="no booter 'nope'; known are mine"):
        booters.choose("nope")
    with pytest.raises(ConfigError, match="installed: mine"):
        booters.choose(None)


def test_hook_register_booters_refuses_what_is_no_booter(manager: PluginManager) -> None:
    @hookimpl
    def register_booters(register: Any) -> None:
        register(object)

    manager.register(plugin(register_booters=register_booters), "p")
    with pytest.raises(ConfigError, match="needs 'name'"):
        manager.register_booters(Booters())


def test_hook_register_commands(manager: PluginManager) -> None:
    @hookimpl
    def register_commands(commands: CommandRegistrar) -> None:
        commands.add(click.Command("extra"))

    group = click.Group()
    manager.register(plugin(register_commands=register_commands), "p")
    manager.register_commands(Commands("p", group, {}))
    assert "extra" in group.commands


def test_hook_register_commands_failure_names_the_plugin(manager: PluginManager) -> None:
    @hookimpl
    def register_commands(commands: CommandRegistrar) -> None:
        raise RuntimeError("boom")

    manager.register(plugin(register_commands=register_commands), "faulty")
    with pytest.raises(PluginError, match="'faulty', hook register_commands: RuntimeError: boom"):
        manager.register_commands(Commands("faulty", click.Group(), {}))


def test_hook_register_policies(manager: PluginManager) -> None:
    class Mine:
        name = "mine"
        Settings = BaseModel

    @hookimpl
    def register_policies(register: PolicyRegistrar) -> None:
        register(Mine)

    manager.register(plugin(register_policies=register_policies), "p")
    policies = Policies()
    manager.register_policies(policies)
    assert policies.classes == {"mine": Mine}


def test_hook_register_routes(manager: PluginManager, reports: list[Any]) -> None:
    def hello(request: PageRequest) -> PageAnswer:
        return PageAnswer(text=f"hello {request.query['who']}")

    def faulty(request: PageRequest) -> PageAnswer:
        raise RuntimeError("boom")

    @hookimpl
    def register_routes(routes: RouteRegistrar) -> None:
        routes("/mine/hello", hello)
        routes("/mine/faulty", faulty)
        routes("/mine/nothing", lambda request: None)  # type: ignore[arg-type, return-value]

    manager.register(plugin(register_routes=register_routes), "p")
    routes = manager.register_routes()
    request = PageRequest(path="/mine/hello", query={"who": "world"})
    assert manager.page(routes["/mine/hello"], request).text == "hello world"
    for path, words in (("/mine/faulty", "RuntimeError: boom"), ("/mine/nothing", "answered nothing")):
        with pytest.raises(PluginError, match=f"'p', hook page: {words}"):
            manager.page(routes[path], request)
    assert len(reports) == 2


@pytest.mark.parametrize("path", ["/", "/_/ipxe", "mine", "/taken"])
def test_hook_register_routes_cannot_take_every_path(manager: PluginManager, path: str) -> None:
    @hookimpl
    def register_routes(routes: RouteRegistrar) -> None:
        routes("/taken", lambda request: PageAnswer())
        routes(path, lambda request: PageAnswer())

    manager.register(plugin(register_routes=register_routes), "greedy")
    words = "plugin 'greedy' already has '/taken'" if path == "/taken" else "cannot have the path"
    with pytest.raises(PluginError, match=f"'greedy', hook register_routes: {words}"):
        manager.register_routes()


def test_hook_cmdline_functions(manager: PluginManager) -> None:
    @hookimpl
    def cmdline_functions(machine: Machine, url_for: UrlFor) -> dict[str, CmdlineFunction]:
        return {"DONE": lambda: f"done?{machine.mac}"}

    defaults = Defaults(FoundLoaders(KNOWN, {}, Path("/nonexistent")), functions=manager.cmdline_functions)
    manager.register(defaults, CORE)
    manager.register(plugin(cmdline_functions=cmdline_functions), "p")
    spec = BootSpec(kernel=KERNEL, cmdline='a={{ DONE }} b={{ ID "k" }}', files={"k": KERNEL})
    assert manager.render_cmdline(MACHINE, spec, Urls()) == f"a=done?{MACHINE.mac} b=url:/vmlinuz"
    with pytest.raises(CmdlineError, match="no function 'DNOE', only DONE, ID, REPORT"):
        manager.render_cmdline(MACHINE, BootSpec(kernel=KERNEL, cmdline="{{ DNOE }}"), Urls())


def test_hook_on_boot_failure(manager: PluginManager, reports: list[tuple[PluginError, str | None]]) -> None:
    failure = StepFailed(mac=MACHINE.mac, step="kernel", number="4c0a6035", problem="connection timed out")
    assert manager.on_boot_failure(MACHINE, failure, 1) == GiveUp(), "nobody has anything to say"
    manager.register(Defaults(FoundLoaders(KNOWN, {}, Path("/nonexistent")), retries=2), CORE)
    assert [manager.on_boot_failure(MACHINE, failure, n) for n in (1, 2, 3)] == [
        Retry(seconds=5, message="it tries again in 5 s (1 of 2)"),
        Retry(seconds=10, message="it tries again in 10 s (2 of 2)"),
        GiveUp(),
    ]
    gone = failure.model_copy(update={"number": "2d0c613b"})
    assert manager.on_boot_failure(MACHINE, gone, 1) == GiveUp(), "a 404 does not pass"

    @hookimpl
    def on_boot_failure(failure: StepFailed, failures: int) -> Retry | None:
        return Retry(seconds=1, message=f"{failure.step} {failures}") if failures < 9 else None

    @hookimpl(specname="on_boot_failure")
    def broken(machine: Machine) -> Retry:
        raise RuntimeError("broken")

    manager.register(plugin(on_boot_failure=on_boot_failure), "p")
    assert manager.on_boot_failure(MACHINE, gone, 5) == Retry(seconds=1, message="kernel 5")
    assert manager.on_boot_failure(MACHINE, gone, 9) == GiveUp()
    manager.register(plugin(on_boot_failure=broken), "q")
    assert manager.on_boot_failure(MACHINE, failure, 1) == GiveUp()
    assert [(str(error.plugin), mac) for error, mac in reports] == [("q", MACHINE.mac)]


def test_hook_on_startup(manager: PluginManager) -> None:
    started: list[str] = []

    @hookimpl
    def on_startup() -> None:
        started.append("p")

    manager.register(plugin(on_startup=on_startup), "p")
    manager.on_startup()
    assert started == ["p"]


def test_hook_on_startup_failure_refuses_to_start(manager: PluginManager) -> None:
    @hookimpl
    def on_startup() -> None:
        raise RuntimeError("no database")

    manager.register(plugin(on_startup=on_startup), "p")
    with pytest.raises(PluginError, match="no database"):
        manager.on_startup()


def test_hook_policy_in_words(manager: PluginManager, reports: list[Any]) -> None:
    """Each says what it does; one that is silent, breaks or answers rubbish is left out."""

    @hookimpl
    def policy_in_words() -> str:
        return "machines boot once"

    @hookimpl(specname="policy_in_words")
    def silent() -> None:
        return None

    @hookimpl(specname="policy_in_words")
    def broken() -> str:
        raise RuntimeError("no words")

    @hookimpl(specname="policy_in_words")
    def rubbish() -> int:
        return 7

    manager.register(plugin(policy_in_words=policy_in_words), "good")
    for name, function in (("silent", silent), ("bad", broken), ("odd", rubbish)):
        manager.register(plugin(**{name: function}), name)
    assert manager.policies_in_words() == {"good": "machines boot once"}
    assert sorted(error.plugin for error, _ in reports) == ["bad", "odd"]


def test_hook_machine_actions(manager: PluginManager, reports: list[Any]) -> None:
    """Each offers what can be done; one that breaks or offers rubbish is left out, and what is done has its limits."""

    def slow() -> str:
        gevent.sleep(10)
        return "never"

    @hookimpl
    def machine_actions(machine: Machine) -> list[MachineAction]:
        done = MachineAction(name="wake", title="Wake", run=lambda: f"{machine.mac} is awake")
        return [done, MachineAction(name="wait", title="Wait", run=slow)]

    @hookimpl(specname="machine_actions")
    def broken() -> list[MachineAction]:
        raise RuntimeError("not now")

    @hookimpl(specname="machine_actions")
    def rubbish() -> list[str]:
        return ["wake"]

    manager.register(plugin(machine_actions=machine_actions), "good")
    manager.register(plugin(broken=broken), "bad")
    manager.register(plugin(rubbish=rubbish), "odd")
    found = manager.machine_actions(MACHINE)
    assert [(name, action.name) for name, action in found] == [("good", "wake"), ("good", "wait")]
    assert sorted((error.plugin, mac) for error, mac in reports) == [("bad", MACHINE.mac), ("odd", MACHINE.mac)]
    assert manager.act(*found[0], MACHINE.mac) == f"{MACHINE.mac} is awake"
    with pytest.raises(PluginError):
        manager.act(*found[1], MACHINE.mac)


def test_hook_on_reload(manager: PluginManager, reports: list[Any]) -> None:
    """A plugin that cannot read its files again does not keep the others from it."""
    read: list[str] = []

    @hookimpl
    def on_reload() -> None:
        read.append("good")

    @hookimpl(specname="on_reload", tryfirst=True)
    def broken() -> None:
        raise RuntimeError("not there")

    manager.register(plugin(on_reload=on_reload), "good")
    manager.register(plugin(broken=broken), "bad")
    manager.on_reload()
    assert read == ["good"]
    (error,) = (error for error, _ in reports)
    assert (error.plugin, error.hook, error.reason) == ("bad", "on_reload", "RuntimeError: not there")
    line = broken.__code__.co_firstlineno + 2
    assert error.place == f"{__file__}, line {line}", "with the line of the plugin's own code"


def test_hook_on_shutdown(manager: PluginManager, reports: list[Any]) -> None:
    """A plugin that fails to stop does not keep the others from stopping."""
    stopped: list[str] = []

    @hookimpl
    def on_shutdown() -> None:
        stopped.append("good")

    @hookimpl(specname="on_shutdown", tryfirst=True)
    def broken() -> None:
        raise RuntimeError("stuck")

    manager.register(plugin(on_shutdown=on_shutdown), "good")
    manager.register(plugin(broken=broken), "bad")
    manager.on_shutdown(0.5)
    assert stopped == ["good"]
    assert [error.plugin for error, _ in reports] == ["bad"]


def test_hook_on_pxe_request(manager: PluginManager) -> None:
    """Every plugin is told, and a single veto wins."""
    told: list[str] = []

    @hookimpl
    def on_pxe_request(request: PxeRequest) -> None:
        told.append(request.machine.mac)

    @hookimpl
    def veto(request: PxeRequest) -> Ignore:
        return Ignore(reason="not today")

    manager.register(plugin(on_pxe_request=on_pxe_request), "first")
    assert manager.on_pxe_request(REQUEST) is None
    manager.register(plugin(on_pxe_request=veto), "second")
    assert manager.on_pxe_request(REQUEST) == Ignore(reason="not today", by="second")
    assert told == [MACHINE.mac] * 2


def test_hook_on_pxe_request_fails_closed(manager: PluginManager, reports: list[Any]) -> None:
    @hookimpl
    def on_pxe_request(request: PxeRequest) -> None:
        raise RuntimeError("boom")

    manager.register(plugin(on_pxe_request=on_pxe_request), "faulty")
    refusal = manager.on_pxe_request(REQUEST)
    assert refusal is not None
    assert "faulty" in refusal.reason
    assert [(error.plugin, mac) for error, mac in reports] == [("faulty", MACHINE.mac)]


def test_hook_select_boot(manager: PluginManager) -> None:
    """The first opinion wins, the latest registered is asked first, and no opinion is a reason."""

    @hookimpl
    def select_boot(machine: Machine) -> BootSpec:
        return SPEC

    @hookimpl
    def undecided(machine: Machine) -> None:
        return None

    @hookimpl
    def refuse(machine: Machine) -> Ignore:
        return Ignore(reason="mine")

    assert isinstance(manager.select_boot(MACHINE), Ignore)
    manager.register(plugin(select_boot=select_boot), "booter")
    manager.register(plugin(select_boot=undecided), "undecided")
    assert manager.select_boot(MACHINE) == SPEC
    manager.register(plugin(select_boot=refuse), "policy")
    assert manager.select_boot(MACHINE) == Ignore(reason="mine", by="policy")


@pytest.mark.parametrize("rubbish", [False, "kernel", {"kernel": "x"}, 7])
def test_hook_select_boot_of_the_wrong_type(manager: PluginManager, reports: list[Any], rubbish: object) -> None:
    @hookimpl
    def select_boot(machine: Machine) -> Any:
        return rubbish

    manager.register(plugin(select_boot=select_boot), "faulty")
    with pytest.raises(PluginError, match=f"returned {type(rubbish).__name__}; expected BootSpec or Ignore"):
        manager.select_boot(MACHINE)
    assert len(reports) == 1


def test_hook_select_boot_that_hangs(manager: PluginManager) -> None:
    @hookimpl
    def select_boot(machine: Machine) -> BootSpec:
        gevent.sleep(10)
        return SPEC

    manager.register(plugin(select_boot=select_boot), "slow")
    with pytest.raises(PluginError, match=r"'slow', hook select_boot: gave no answer within 0\.2 s"):
        manager.select_boot(MACHINE)


def test_hook_provide_bootloader(manager: PluginManager, reports: list[Any]) -> None:
    """A provider that fails is reported and the next one asked."""

    @hookimpl
    def core(loader: str, machine: Machine) -> BootFile:
        return file("core.efi")

    @hookimpl
    def mine(loader: str) -> BootFile | None:
        return file("mine.efi") if loader == "efi-x64" else None

    @hookimpl
    def faulty() -> None:
        raise RuntimeError("boom")

    manager.register(plugin(provide_bootloader=core), CORE)
    assert not manager.provides_bootloaders()
    manager.register(plugin(provide_bootloader=mine), "mine")
    manager.register(plugin(provide_bootloader=faulty), "faulty")
    assert manager.provides_bootloaders()
    chosen = [manager.provide_bootloader(loader, MACHINE) for loader in ("efi-x64", "bios")]
    assert [found.name for found in chosen if found] == ["mine.efi", "core.efi"]
    assert {error.plugin for error, _ in reports} == {"faulty"}


def test_hook_render_cmdline(manager: PluginManager) -> None:
    """A wrapper edits what came before."""

    @hookimpl(trylast=True)
    def core(machine: Machine, spec: BootSpec, url_for: Any) -> str:
        return f"quiet file={url_for(KERNEL)}"

    @hookimpl(wrapper=True)
    def console() -> Generator[None, str, str]:
        line = yield
        return line + " console=ttyS0"

    manager.register(plugin(render_cmdline=core), CORE)
    manager.register(plugin(render_cmdline=console), "console")
    assert manager.render_cmdline(MACHINE, SPEC, Urls()) == "quiet file=url:/vmlinuz console=ttyS0"


def test_hook_render_cmdline_wrapper_that_fails(manager: PluginManager, reports: list[Any]) -> None:
    @hookimpl
    def core() -> str:
        return "quiet"

    @hookimpl(wrapper=True)
    def wrapper() -> Generator[None, str, str]:
        line = yield
        raise RuntimeError("after " + line)

    manager.register(plugin(render_cmdline=core), CORE)
    manager.register(plugin(render_cmdline=wrapper), "faulty")
    with pytest.raises(PluginError, match="'faulty', hook render_cmdline: RuntimeError: after quiet"):
        manager.render_cmdline(MACHINE, SPEC, Urls())
    assert len(reports) == 1


def test_hook_render_cmdline_wrapper_does_not_take_the_blame_of_others(manager: PluginManager) -> None:
    @hookimpl
    def faulty() -> str:
        raise RuntimeError("inner")

    @hookimpl(wrapper=True)
    def wrapper() -> Generator[None, str, str]:
        return (yield)

    manager.register(plugin(render_cmdline=faulty), "inner")
    manager.register(plugin(render_cmdline=wrapper), "outer")
    with pytest.raises(PluginError, match="'inner'"):
        manager.render_cmdline(MACHINE, SPEC, Urls())


def test_hook_render_script(manager: PluginManager) -> None:
    @hookimpl
    def render_script(machine: Machine, cmdline: str) -> str:
        return f"#!ipxe\n# {machine.mac} {cmdline}\n"

    manager.register(plugin(render_script=render_script), "p")
    assert manager.render_script(MACHINE, SPEC, "quiet", Urls()) == f"#!ipxe\n# {MACHINE.mac} quiet\n"


def test_hook_render_script_of_the_wrong_type(manager: PluginManager) -> None:
    @hookimpl
    def render_script() -> Any:
        return b"#!ipxe"

    manager.register(plugin(render_script=render_script), "faulty")
    with pytest.raises(PluginError, match="returned bytes; expected str"):
        manager.render_script(MACHINE, SPEC, "", Urls())


def test_hook_open_boot_file(manager: PluginManager, reports: list[Any]) -> None:
    """A file that is not there is no failure of the plugin."""

    @hookimpl
    def open_boot_file(ref: FileRef) -> BootFile:
        if ref.location == "/gone":
            raise BootFileNotFound("/gone does not exist")
        return file(ref.name)

    manager.register(plugin(open_boot_file=open_boot_file), "p")
    assert manager.open_boot_file(KERNEL, None, Urls()).name == "vmlinuz"
    with pytest.raises(BootFileNotFound):
        manager.open_boot_file(FileRef(location="/gone"), None, Urls())
    assert reports == []


def test_hook_open_boot_file_may_name_another_file(manager: PluginManager) -> None:
    @hookimpl
    def open_boot_file(ref: FileRef) -> BootFile | FileRef:
        if ref.location == "mine:loop":
            return ref
        return FileRef(location="/vmlinuz") if ref.location == "mine:kernel" else file(ref.name)

    manager.register(plugin(open_boot_file=open_boot_file), "p")
    assert manager.open_boot_file(FileRef(location="mine:kernel"), None, Urls()).name == "vmlinuz"
    with pytest.raises(BootFileError, match="keeps leading to other files"):
        manager.open_boot_file(FileRef(location="mine:loop"), None, Urls())


def test_hook_open_boot_file_that_raises(manager: PluginManager, reports: list[Any]) -> None:
    @hookimpl
    def open_boot_file(ref: FileRef) -> BootFile:
        raise ZeroDivisionError

    manager.register(plugin(open_boot_file=open_boot_file), "faulty")
    with pytest.raises(PluginError, match="ZeroDivisionError"):
        manager.open_boot_file(KERNEL, MACHINE.mac, Urls())
    assert reports[0][1] == MACHINE.mac


def test_hook_on_event(manager: PluginManager, reports: list[Any]) -> None:
    """In order, to each; one that raises or hangs takes nothing from the others."""
    heard: list[str] = []

    @hookimpl
    def good(fact: Fact, sentence: str) -> None:
        heard.append(sentence)

    @hookimpl
    def raises(fact: Fact) -> None:
        raise RuntimeError("boom")

    @hookimpl
    def hangs(fact: Fact) -> None:
        gevent.sleep(60)

    for name, function in {"raises": raises, "hangs": hangs, "good": good}.items():
        manager.register(plugin(on_event=function), name)
    manager.on_startup()
    started = time.monotonic()
    for number in range(3):
        manager.publish(Booting(), str(number))
    assert time.monotonic() - started < 0.1
    gevent.sleep(0.3)
    manager.on_shutdown(0.5)
    assert heard == ["0", "1", "2"]
    assert {error.plugin for error, _ in reports} == {"raises", "hangs"}


def test_hook_on_event_of_a_slow_listener_loses_events(manager: PluginManager, reports: list[Any]) -> None:
    @hookimpl
    def on_event(fact: Fact) -> None:
        gevent.sleep(60)

    manager.register(plugin(on_event=on_event), "slow")
    manager.on_startup()
    for number in range(5000):
        manager.publish(Held(reason="x", asked_for="script", seconds=1), str(number))
    manager.on_shutdown(0.1)
    assert [str(error) for error, _ in reports] == ["plugin 'slow', hook on_event: is too slow and loses events"]
    assert manager.events_lost() == {"slow": 4000}


def test_hook_on_event_loses_no_boot(manager: PluginManager) -> None:
    """A policy's state follows from them: a machine whose boot was lost would be installed again."""
    heard: list[tuple[type[Fact], str | None]] = []
    go = Event()

    @hookimpl
    def on_event(fact: Fact) -> None:
        go.wait()
        heard.append((type(fact), fact.mac))

    manager.register(plugin(on_event=on_event), "slow")
    manager.on_startup()
    for number in range(3000):
        manager.publish(Held(reason="x", asked_for="script", seconds=1), str(number))
    macs = [f"52:54:00:00:{number >> 8:02x}:{number & 255:02x}" for number in range(2000)]
    for mac in macs:
        manager.publish(ScriptSent(mac=mac), "")
        manager.publish(Booting(mac=mac), "")
        manager.publish(Booting(mac=mac), "again")
    go.set()
    manager.on_shutdown(5)
    assert heard[-4000:] == [(kind, mac) for mac in macs for kind in (ScriptSent, Booting)]
    assert len(heard) == 5000, "and of the others what there was room for"


def test_a_misspelt_hook_is_an_error(manager: PluginManager) -> None:
    @hookimpl
    def on_pxe_requets(request: PxeRequest) -> None:
        return None

    with pytest.raises(
        ConfigError, match=r"plugin 'typo': there is no hook 'on_pxe_requets'; did you mean 'on_pxe_request'\?"
    ):
        manager.register(plugin(on_pxe_requets=on_pxe_requets), "typo")


def test_a_misspelt_argument_is_an_error(manager: PluginManager) -> None:
    @hookimpl
    def select_boot(machin: Machine) -> None:
        return None

    with pytest.raises(ConfigError, match=r"plugin 'typo'.*machin"):
        manager.register(plugin(select_boot=select_boot), "typo")


def test_a_name_taken_twice_is_an_error(manager: PluginManager) -> None:
    manager.register(plugin(), "twin")
    with pytest.raises(ConfigError, match="two installed plugins have this name"):
        manager.register(plugin(), "twin")


def test_the_hooks_of_a_plugin_are_listed(manager: PluginManager) -> None:
    @hookimpl
    def select_boot(machine: Machine) -> None:
        return None

    manager.register(plugin(select_boot=select_boot), "p")
    assert manager.hooks_of("p") == ["select_boot"]
    assert manager.names() == ["p"]


@pytest.mark.parametrize("failure", [SystemExit(3), gevent.Timeout(0.1)], ids=["exit", "a time-out of its own"])
def test_not_even_these_escape(manager: PluginManager, reports: list[Any], failure: BaseException) -> None:
    @hookimpl
    def select_boot(machine: Machine) -> None:
        raise failure

    manager.register(plugin(select_boot=select_boot), "rude")
    with pytest.raises(PluginError, match=r"'rude', hook select_boot: (SystemExit|Timeout)"):
        manager.select_boot(MACHINE)
    assert len(reports) == 1


def test_a_listener_survives_whatever_it_does(manager: PluginManager, reports: list[Any]) -> None:
    heard: list[str] = []

    @hookimpl
    def on_event(fact: Fact, sentence: str) -> None:
        heard.append(sentence)
        raise SystemExit(3)

    manager.register(plugin(on_event=on_event), "rude")
    manager.on_startup()
    for number in range(3):
        manager.publish(Booting(), str(number))
    gevent.sleep(0.05)
    assert heard == ["0", "1", "2"]
    manager.on_shutdown(0.5)


@pytest.mark.parametrize("hook", ["provide_bootloader", "on_event", "on_shutdown", "register_routes"])
def test_what_is_called_by_itself_cannot_be_wrapped(manager: PluginManager, hook: str) -> None:
    @hookimpl(wrapper=True)
    def wrapper() -> Generator[None, Any, Any]:
        return (yield)

    with pytest.raises(ConfigError, match=f"plugin 'w': {hook} cannot be a wrapper"):
        manager.register(plugin(**{hook: wrapper}), "w")


def test_a_plugin_that_does_not_stop_is_cut_and_named(manager: PluginManager, reports: list[Any]) -> None:
    told: list[str] = []

    @hookimpl
    def slow() -> None:
        gevent.sleep(5)

    @hookimpl
    def quick() -> None:
        told.append("quick")

    manager.register(plugin(on_shutdown=slow), "slow")
    manager.register(plugin(on_shutdown=quick), "quick")
    manager.on_shutdown(0.05)
    assert told == ["quick"]
    assert [str(error) for error, _ in reports] == ["plugin 'slow', hook on_shutdown: took over 0.05 s"]


class Misbehaving:
    """A plugin's byte source."""

    def __init__(self, read: Any) -> None:
        self.read = read

    def read_at(self, offset: int, length: int) -> Any:
        return self.read()

    def close(self) -> None:
        raise RuntimeError("will not close")


@pytest.mark.parametrize(
    ("read", "words"),
    [
        (lambda: b"too long", "8 bytes where 3 were asked for"),
        (lambda: "text", "a bytes-like object is required, not 'str'"),
        (lambda: None, "a bytes-like object is required, not 'NoneType'"),
        (lambda: 1 / 0, "ZeroDivisionError"),
        (lambda: gevent.sleep(5), r"gave no answer within 0\.1 s"),
    ],
)
def test_a_plugins_file_that_misbehaves_is_named(
    manager: PluginManager, reports: list[Any], read: Any, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guarding, "READ_SECONDS", 0.1)

    @hookimpl
    def open_boot_file(ref: FileRef) -> BootFile:
        return BootFile(name="x", size=3, source=Misbehaving(read))

    manager.register(plugin(open_boot_file=open_boot_file), "faulty")
    opened = manager.open_boot_file(KERNEL, None, Urls())
    with pytest.raises(BootFileError, match=f"plugin 'faulty', hook read_at: .*{words}"):
        opened.source.read_at(0, 3)
    opened.source.close()
    assert [error.hook for error, _ in reports] == ["read_at", "close"]


def test_hook_register_firmware(manager: PluginManager) -> None:
    """Each plugin's rows have its name."""
    row = Firmware(cpu="m68k", family=FirmwareFamily.UEFI, codes=(900,))

    @hookimpl
    def register_firmware(register: FirmwareRegistrar) -> None:
        register(row)

    manager.register(plugin(register_firmware=register_firmware), "mine")
    manager.register(plugin(register_firmware=register_firmware), "theirs")
    assert manager.register_firmware() == {"mine": [row], "theirs": [row]}


def test_hook_register_firmware_takes_rows_only(manager: PluginManager) -> None:
    @hookimpl
    def register_firmware(register: Any) -> None:
        register({"cpu": "m68k"})

    manager.register(plugin(register_firmware=register_firmware), "odd")
    with pytest.raises(PluginError, match=r"plugin 'odd', hook register_firmware: .* is not of the class Firmware"):
        manager.register_firmware()


def test_hook_register_offer_variants(manager: PluginManager) -> None:
    row = OfferVariant(name="odd", client=Client.PXE, source="a trial")
    manager.register(plugin(register_offer_variants=hookimpl(lambda register: register(row))), "mine")
    assert manager.register_offer_variants() == {"mine": [row]}
    manager.register(plugin(register_offer_variants=hookimpl(lambda register: register("odd"))), "odd")
    with pytest.raises(PluginError, match=r"hook register_offer_variants: 'odd' is not of the class OfferVariant"):
        manager.register_offer_variants()


def test_hook_pick_offer(manager: PluginManager, reports: list[Any]) -> None:
    """The first opinion that can be had; what is none is told, and the next one asked."""

    def fail(request: PxeRequest) -> str:
        raise RuntimeError("broken")

    assert manager.pick_offer(REQUEST, ["bios", "menu"]) is None
    manager.register(plugin(pick_offer=hookimpl(lambda variants: variants[-1])), "last")
    for name, function in (("odd", lambda request: "no such"), ("typed", lambda request: 5), ("faulty", fail)):
        manager.register(plugin(pick_offer=hookimpl(function)), name)
    manager.register(plugin(pick_offer=hookimpl(lambda request: None)), "silent")
    assert manager.pick_offer(REQUEST, ["bios", "menu"]) == "menu"
    assert [(error.plugin, error.hook) for error, _ in reports] == [
        ("faulty", "pick_offer"),
        ("typed", "pick_offer"),
        ("odd", "pick_offer"),
    ]


def test_hook_take_reporter(manager: PluginManager) -> None:
    """Each plugin is given one with its name."""
    given: list[str] = []
    manager.register(plugin(take_reporter=hookimpl(lambda reporter: given.append(reporter))), "one")
    manager.register(plugin(take_reporter=hookimpl(lambda reporter: given.append(reporter))), "two")
    manager.take_reporter(lambda name: name)  # type: ignore[arg-type, return-value]
    assert sorted(given) == ["one", "two"]


@pytest.mark.parametrize("methods", ["POST", [], ["PUT"], ["GET", "get"]])
def test_hook_register_routes_takes_get_and_post_only(manager: PluginManager, methods: Any) -> None:
    manager.register(plugin(register_routes=hookimpl(lambda routes: routes("/a", print, methods))), "p")
    with pytest.raises(PluginError, match="methods are GET and POST"):
        manager.register_routes()


def test_an_object_in_place_of_its_class_is_refused_with_what_to_do(manager: PluginManager) -> None:
    class Policy:
        name = "p"

    @hookimpl
    def register_policies(register: Any) -> None:
        register(Policy())

    manager.register(plugin(register_policies=register_policies), "p")
    with pytest.raises(ConfigError, match="policy Policy: give the class itself, not an object of it"):
        manager.register_policies(Policies())
