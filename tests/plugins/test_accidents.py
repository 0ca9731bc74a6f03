"""Careless plugins: each accident is a PluginError with the plugin's name, and costs no other plugin anything."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from typing import Any

import gevent
import pytest

from pixiecore_core import (
    BootFile,
    BootFileError,
    Booting,
    BootSpec,
    CmdlineError,
    ConfigError,
    Fact,
    Failed,
    FileRef,
    Hold,
    Ignore,
    PageAnswer,
    PageRequest,
    PolicyRegistrar,
    hookimpl,
)
from pixiecore_core.defaults import Defaults
from pixiecore_core.engine.words import sentence
from pixiecore_core.errors import PluginError
from pixiecore_core.firmware.finding import FoundLoaders
from pixiecore_core.firmware.known import KNOWN
from pixiecore_core.plugins.manager import CORE, PluginManager, Route
from pixiecore_core.testing import FixedBooter, Netboot
from tests.plugins.test_manager import KERNEL, MACHINE, REQUEST, SPEC, Urls, file, manager, plugin, reports

__all__ = ["manager", "reports"]  # fixtures


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise SystemExit


ACCIDENTS = [
    StopIteration(),
    ConfigError("--x", "is odd"),
    GeneratorExit(),
    KeyboardInterrupt(),
    gevent.GreenletExit(),
    Unspeakable(),
    ValueError("x\udc80y\nz"),
    ValueError("x" * 5_000_000),
]


@pytest.fixture(autouse=True)
def served() -> Iterator[None]:
    """As while a server runs, whose Ctrl-C is handled elsewhere."""
    before = signal.signal(signal.SIGINT, lambda number, frame: None)
    yield
    signal.signal(signal.SIGINT, before)


def raising(hook: str, error: BaseException) -> Any:
    def function(*arguments: object) -> None:
        raise error

    namespace: dict[str, Any] = {"function": function}
    names = {
        "on_pxe_request": "request",
        "select_boot": "machine",
        "provide_bootloader": "loader, machine",
        "cmdline_functions": "machine, url_for",
        "render_cmdline": "machine, spec, url_for",
        "render_script": "machine, spec, cmdline, url_for",
        "open_boot_file": "ref, url_for",
        "on_event": "event",
        "on_startup": "",
        "on_shutdown": "",
        "on_reload": "",
    }[hook]
    exec(f"def {hook}({names}):\n    return function({names})", namespace)
    return plugin(**{hook: hookimpl(namespace[hook])})


@pytest.mark.parametrize("error", ACCIDENTS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize(
    ("hook", "call"),
    [
        ("select_boot", lambda manager: manager.select_boot(MACHINE)),
        ("render_cmdline", lambda manager: manager.render_cmdline(MACHINE, SPEC, Urls())),
        ("render_script", lambda manager: manager.render_script(MACHINE, SPEC, "", Urls())),
        ("open_boot_file", lambda manager: manager.open_boot_file(KERNEL, MACHINE.mac, Urls())),
    ],
)
def test_whatever_is_raised_has_the_plugins_name(
    manager: PluginManager, reports: list[Any], hook: str, call: Callable[[PluginManager], object], error: BaseException
) -> None:
    manager.register(raising(hook, error), "guilty")
    with pytest.raises(PluginError, match=f"plugin 'guilty', hook {hook}: {type(error).__name__}") as caught:
        call(manager)
    assert len(caught.value.reason) < 600
    assert caught.value.reason.encode().isascii() or "…" in caught.value.reason
    assert [(error.plugin, error.hook, mac) for error, mac in reports] == [("guilty", hook, MACHINE.mac)]


@pytest.mark.parametrize("error", ACCIDENTS, ids=lambda error: type(error).__name__)
def test_a_veto_fails_closed_whatever_is_raised(
    manager: PluginManager, reports: list[Any], error: BaseException
) -> None:
    manager.register(raising("on_pxe_request", error), "guilty")
    assert isinstance(manager.on_pxe_request(REQUEST), Ignore)
    assert reports[0][0].plugin == "guilty"


@pytest.mark.parametrize("error", ACCIDENTS, ids=lambda error: type(error).__name__)
def test_a_listener_lives_on_whatever_it_raises(
    manager: PluginManager, reports: list[Any], error: BaseException
) -> None:
    heard: list[str] = []

    @hookimpl
    def on_event(fact: Fact, sentence: str) -> None:
        heard.append(sentence)
        raise error

    manager.register(plugin(on_event=on_event), "guilty")
    manager.on_startup()
    for word in ("one", "two"):
        manager.publish(Booting(), word)
    gevent.sleep(0.05)
    manager.on_shutdown(0.5)
    assert heard == ["one", "two"]
    assert len(reports) == 2


@pytest.mark.parametrize("error", ACCIDENTS, ids=lambda error: type(error).__name__)
def test_reload_and_shutdown_tell_the_others_whatever_is_raised(
    manager: PluginManager, reports: list[Any], error: BaseException
) -> None:
    told: list[str] = []
    for name in ("before", "after"):

        @hookimpl
        def on_reload(name: str = name) -> None:
            told.append(f"reload {name}")

        @hookimpl
        def on_shutdown(name: str = name) -> None:
            told.append(f"shutdown {name}")

        manager.register(plugin(on_reload=on_reload, on_shutdown=on_shutdown), name)
        if name == "before":
            manager.register(raising("on_reload", error), "guilty reload")
            manager.register(raising("on_shutdown", error), "guilty shutdown")
    manager.on_reload()
    manager.on_shutdown(0.5)
    assert sorted(told) == ["reload after", "reload before", "shutdown after", "shutdown before"]
    assert sorted(error.plugin for error, _ in reports) == ["guilty reload", "guilty shutdown"]


def test_an_innocent_wrapper_is_not_blamed(manager: PluginManager) -> None:
    @hookimpl(wrapper=True)
    def select_boot(machine: Any) -> Any:
        return (yield)

    manager.register(raising("select_boot", StopIteration()), "guilty")
    manager.register(plugin(select_boot=select_boot), "innocent")
    with pytest.raises(PluginError, match="plugin 'guilty'"):
        manager.select_boot(MACHINE)


def test_a_bootloader_that_cannot_be_opened_leaves_it_to_the_next(manager: PluginManager, reports: list[Any]) -> None:
    @hookimpl
    def provide_bootloader(loader: str) -> BootFile:
        return file("next")

    manager.register(plugin(provide_bootloader=provide_bootloader), "next")
    manager.register(raising("provide_bootloader", BootFileError("its disk is gone")), "first")
    found = manager.provide_bootloader("bios", MACHINE)
    assert found is not None
    assert found.name == "next"
    assert [str(error) for error, _ in reports] == ["plugin 'first', hook provide_bootloader: its disk is gone"]


@pytest.mark.parametrize("hook", ["on_pxe_request", "select_boot", "render_cmdline", "open_boot_file"])
def test_a_generator_that_is_no_wrapper_is_refused(manager: PluginManager, hook: str) -> None:
    namespace: dict[str, Any] = {}
    exec(f"def {hook}():\n    yield 1", namespace)
    with pytest.raises(ConfigError, match=rf"{hook} yields, as wrappers do; did you mean @hookimpl\(wrapper=True\)"):
        manager.register(plugin(**{hook: hookimpl(namespace[hook])}), "p")


def test_a_wrapper_of_the_old_kind_is_refused(manager: PluginManager) -> None:
    @hookimpl(hookwrapper=True)
    def select_boot(machine: Any) -> Any:
        yield

    with pytest.raises(ConfigError, match="an old-style wrapper"):
        manager.register(plugin(select_boot=select_boot), "p")


@pytest.mark.parametrize("answer", [[Ignore(reason="x")], [], ["x"], True, Ignore])
def test_a_veto_of_the_wrong_type_fails_closed(manager: PluginManager, reports: list[Any], answer: object) -> None:
    @hookimpl
    def on_pxe_request(request: Any) -> Any:
        return answer

    manager.register(plugin(on_pxe_request=on_pxe_request), "p")
    assert isinstance(manager.on_pxe_request(REQUEST), Ignore)
    assert "; expected Ignore or None" in str(reports[0][0])


@pytest.mark.parametrize("handed_on", [None, Ignore(reason="x"), ["rubbish"], "x"])
def test_a_wrapper_around_all_vetoes_hands_on_a_list(
    manager: PluginManager, reports: list[Any], handed_on: object
) -> None:
    @hookimpl(wrapper=True)
    def on_pxe_request(request: Any) -> Any:
        yield
        return handed_on

    manager.register(plugin(on_pxe_request=on_pxe_request), "p")
    assert isinstance(manager.on_pxe_request(REQUEST), Ignore)
    assert reports[0][0].plugin == "p"


def test_a_wrapper_that_forgets_to_return_is_named(manager: PluginManager, reports: list[Any]) -> None:
    @hookimpl(wrapper=True)
    def render_cmdline(machine: Any) -> Any:
        yield

    manager.register(Defaults(FoundLoaders(KNOWN, {}, "")), CORE)  # type: ignore[arg-type]
    manager.register(plugin(render_cmdline=render_cmdline), "p")
    with pytest.raises(PluginError, match="plugin 'p', hook render_cmdline: the wrapper returned nothing"):
        manager.render_cmdline(MACHINE, SPEC, Urls())
    assert reports


@pytest.mark.parametrize(
    ("hook", "answer", "words"),
    [
        ("render_cmdline", "a\nb", "is not one printable line"),
        ("render_cmdline", "a\0b", "is not one printable line"),
        ("render_cmdline", "a\udc80", "is not one printable line"),
        ("render_cmdline", "a\u2028b", "is not one printable line"),
        ("render_script", "#!ipxe\n\udc80", "or has a NUL"),
        ("render_script", "no", "does not begin with #!ipxe"),
        ("render_script", "", "does not begin with #!ipxe"),
        ("render_script", "#!ipxe\n\0", "or has a NUL"),
        ("render_script", "#!ipxe" + "x" * 1_000_000, "over 1,000,000 characters"),
    ],
)
def test_a_text_that_breaks_its_contract_is_named(manager: PluginManager, hook: str, answer: str, words: str) -> None:
    @hookimpl(specname=hook)
    def rendered() -> str:
        return answer

    manager.register(plugin(rendered=rendered), "p")
    call = {
        "render_cmdline": lambda: manager.render_cmdline(MACHINE, SPEC, Urls()),
        "render_script": lambda: manager.render_script(MACHINE, SPEC, "", Urls()),
    }[hook]
    with pytest.raises(PluginError, match=f"plugin 'p', hook {hook}: .*{words}"):
        call()


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda: gevent.sleep(60), "gave no answer within 0.2 s"),
        (lambda: 1 / 0, "ZeroDivisionError"),
        (lambda: 7, "a function returned int; expected str"),
    ],
    ids=["hangs", "raises", "rubbish"],
)
def test_a_word_is_under_the_time_limit_and_blamed_on_its_plugin(
    reports: list[Any], function: Callable[[], Any], words: str
) -> None:
    manager = PluginManager(lambda error, mac: reports.append((error, mac)), policy_timeout=0.2)

    @hookimpl
    def cmdline_functions() -> Any:
        return {"WORD": function}

    manager.register(Defaults(FoundLoaders(KNOWN, {}, ""), functions=manager.cmdline_functions), CORE)  # type: ignore[arg-type]
    manager.register(plugin(cmdline_functions=cmdline_functions), "p")
    with pytest.raises(PluginError, match=f"plugin 'p', hook cmdline_functions: {words}"):
        manager.render_cmdline(MACHINE, BootSpec(kernel=KERNEL, cmdline="{{ WORD }}"), Urls())
    assert [error.plugin for error, _ in reports] == ["p"]


@pytest.mark.parametrize("answer", [{"WORD": "text"}, {1: str}, ["WORD"]])
def test_words_that_are_none_are_named(manager: PluginManager, answer: object) -> None:
    @hookimpl
    def cmdline_functions() -> Any:
        return answer

    manager.register(plugin(cmdline_functions=cmdline_functions), "p")
    with pytest.raises(PluginError, match="plugin 'p', hook cmdline_functions"):
        manager.cmdline_functions(MACHINE, Urls())


def test_a_word_may_say_what_is_wrong(manager: PluginManager) -> None:
    def word() -> str:
        raise CmdlineError("there is no seat left", 0)

    @hookimpl
    def cmdline_functions() -> Any:
        return {"WORD": word}

    manager.register(plugin(cmdline_functions=cmdline_functions), "p")
    with pytest.raises(CmdlineError, match="no seat left"):
        manager.cmdline_functions(MACHINE, Urls())["WORD"]()


@pytest.mark.parametrize(
    "answer",
    [
        Ignore.model_construct(),
        Ignore.model_construct(reason=None),
        Hold.model_construct(reason="x", seconds="0\r\n"),
        BootSpec.model_construct(),
        BootSpec.model_construct(kernel=None, ipxe_script=None),
    ],
)
def test_an_answer_made_past_all_checks_is_named(manager: PluginManager, reports: list[Any], answer: Any) -> None:
    @hookimpl
    def select_boot() -> Any:
        return answer

    manager.register(plugin(select_boot=select_boot), "p")
    with pytest.raises(PluginError, match="plugin 'p', hook select_boot"):
        manager.select_boot(MACHINE)


@pytest.mark.parametrize("answer", [BootFile.model_construct(name="x"), FileRef.model_construct()])
def test_a_file_made_past_all_checks_is_named(manager: PluginManager, answer: Any) -> None:
    @hookimpl
    def open_boot_file() -> Any:
        return answer

    manager.register(plugin(open_boot_file=open_boot_file), "p")
    with pytest.raises(PluginError, match="plugin 'p', hook open_boot_file"):
        manager.open_boot_file(KERNEL, None, Urls())


@pytest.mark.parametrize("hook", ["render_cmdline", "render_script", "on_startup"])
def test_errors_of_other_hooks_have_the_plugins_name(manager: PluginManager, hook: str) -> None:
    error = ConfigError("--x", "is odd") if hook == "on_startup" else BootFileError("its disk is gone")
    manager.register(raising(hook, error), "p")
    calls: dict[str, Callable[[], object]] = {
        "render_cmdline": lambda: manager.render_cmdline(MACHINE, SPEC, Urls()),
        "render_script": lambda: manager.render_script(MACHINE, SPEC, "", Urls()),
        "on_startup": lambda: manager.on_startup(),  # type: ignore[arg-type]
    }
    with pytest.raises(PluginError, match=f"plugin 'p', hook {hook}: {type(error).__name__}"):
        calls[hook]()


def test_what_a_wrapper_does_to_a_spec_stays_with_that_boot(netboot: Callable[..., Netboot]) -> None:
    spec = BootSpec(kernel=FileRef(location=__file__), cmdline='{{ ID "a" }}', files={"a": FileRef(location=__file__)})

    @hookimpl(wrapper=True)
    def render_cmdline(machine: Any, spec: BootSpec) -> Any:
        spec.files["a"] = FileRef(location="/etc/hostname")
        return (yield)

    machines = netboot(FixedBooter(spec), plugin(render_cmdline=render_cmdline))
    with pytest.raises(LookupError, match=r"500 .*plugin 'plugin 1' failed"):
        machines.script()
    assert "a spec's files cannot be changed; make another with spec.model_copy" in machines.log
    assert spec.files["a"].location == __file__


def test_a_listener_cannot_change_the_timeline(netboot: Callable[..., Netboot]) -> None:
    @hookimpl
    def on_event(fact: Fact) -> None:
        fact.mac = "02:00:00:00:00:01"  # type: ignore[misc]

    machines = netboot(FixedBooter(), plugin(on_event=on_event))
    machines.boot()
    machines.settle()
    assert all(fact.mac == "52:54:00:12:34:56" for fact in machines.facts())


def test_one_odd_text_breaks_no_status_page() -> None:
    fact = Failed(via="Plugin", step="server", reason="x\udc80y" + "z" * 5000, file="\udc80")
    assert len(sentence(fact)) < 2100
    assert fact.model_dump_json()


@pytest.mark.parametrize(
    "answer",
    [
        PageAnswer.model_construct(text=1, status=200, content_type="text/plain"),
        PageAnswer.model_construct(text="x", status=999, content_type="text/plain"),
        PageAnswer.model_construct(text="x", status=200, content_type="a\r\nb: c"),
        "text",
        None,
    ],
)
def test_a_page_that_cannot_be_sent_is_the_plugins_failure(
    manager: PluginManager, reports: list[Any], answer: Any
) -> None:
    with pytest.raises(PluginError, match="plugin 'p', hook page"):
        manager.page(Route("p", lambda request: answer), PageRequest(path="/p"))
    assert reports[0][0].plugin == "p"


@pytest.mark.parametrize("path", ["/x?y=1", "//x", "x", "/", "/_/x", "/a b"])
def test_a_path_that_could_never_be_asked_for_is_refused(manager: PluginManager, path: str) -> None:
    @hookimpl
    def register_routes(routes: Any) -> None:
        routes(path, lambda request: PageAnswer())

    manager.register(plugin(register_routes=register_routes), "p")
    with pytest.raises(PluginError, match="cannot have the path"):
        manager.register_routes()


def test_a_file_from_bytes_can_be_handed_out_again(netboot: Callable[..., Netboot]) -> None:
    made = BootFile.from_bytes("kernel", b"kernel")

    @hookimpl
    def open_boot_file(ref: FileRef) -> BootFile:
        return made

    machines = netboot(FixedBooter(), plugin(open_boot_file=open_boot_file))
    for _ in range(2):
        boot = machines.boot()
        assert boot is not None
        assert boot.kernel == b"kernel"


def test_policies_may_refuse_to_be_registered(manager: PluginManager) -> None:
    @hookimpl
    def register_policies(register: PolicyRegistrar) -> None:
        raise StopIteration

    manager.register(plugin(register_policies=register_policies), "p")
    with pytest.raises(PluginError, match="plugin 'p', hook register_policies: StopIteration"):
        manager.register_policies(lambda policy: None)
