"""What plugins do that does not look like a mistake: it is refused at the start, or has the plugin's name later."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import gevent
import pytest

from pixiecore_core import (
    BootFile,
    BootFileNotReady,
    BootSpec,
    CmdlineError,
    ConfigError,
    FileRef,
    Hold,
    Ignore,
    Noted,
    PageAnswer,
    PageRequest,
    hookimpl,
)
from pixiecore_core.errors import PluginError
from pixiecore_core.plugins.manager import PluginManager, Route
from tests.plugins.test_manager import KERNEL, MACHINE, REQUEST, SPEC, Urls, file, manager, plugin, reports

__all__ = ["manager", "reports"]  # fixtures


def with_default(machine: object = None) -> None:
    pass


def by_name_only(*, machine: object) -> None:
    pass


def misspelt(machnie: object) -> None:
    pass


async def waiting(machine: object) -> None:
    pass


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (with_default, "select_boot has a default for machine; a hook's arguments have none"),
        (by_name_only, "select_boot has machine behind a [*]; hooks get their arguments by position"),
        (waiting, "select_boot is async; a hook is a plain function"),
        (misspelt, "select_boot takes 'machnie': there is no argument 'machnie'; did you mean 'machine'"),
    ],
)
def test_arguments_that_would_never_come_are_refused(
    manager: PluginManager, function: Callable[..., Any], words: str
) -> None:
    with pytest.raises(ConfigError, match=f"plugin 'p': {words}"):
        manager.register(plugin(select_boot=hookimpl(function)), "p")


def test_an_argument_of_ones_own_may_have_a_default(manager: PluginManager) -> None:
    @hookimpl
    def select_boot(machine: object, seen: list[object] = []) -> Ignore:  # noqa: B006 - what people write
        seen.append(machine)
        return Ignore(reason=f"{len(seen)}")

    manager.register(plugin(select_boot=select_boot), "p")
    assert manager.select_boot(MACHINE) == Ignore(reason="1", by="p")


def test_a_hook_without_its_mark_is_refused(manager: PluginManager) -> None:
    """Its veto would never be asked for, and let every machine boot."""

    class Forgetful:
        def on_pxe_request(self, request: object) -> Ignore:
            return Ignore(reason="no")

    with pytest.raises(ConfigError, match="plugin 'p': on_pxe_request has a hook's name and no @hookimpl; mark it"):
        manager.register(Forgetful(), "p")


def test_everyday_names_may_be_something_else(manager: PluginManager) -> None:
    class Everyday:
        select_boot = None

        def reload(self) -> None:
            raise AssertionError

        def startup(self) -> None:
            raise AssertionError

    manager.register(Everyday(), "p")
    manager.on_startup()
    manager.on_reload()


@pytest.fixture
def impatient(reports: list[Any]) -> PluginManager:
    return PluginManager(lambda error, mac: reports.append((error, mac)), policy_timeout=0.05, event_timeout=0.05)


def test_a_veto_whose_time_was_over_stands_although_it_swallowed_that(
    impatient: PluginManager, reports: list[Any]
) -> None:
    @hookimpl
    def on_pxe_request(request: object) -> None:
        try:
            gevent.sleep(5)
        except:  # noqa: E722 - the mistake
            return

    impatient.register(plugin(on_pxe_request=on_pxe_request), "p")
    refused = impatient.on_pxe_request(REQUEST)
    assert refused is not None
    assert "gave no answer within 0.05 s" in refused.reason
    assert len(reports) == 1


def test_a_finally_that_waits_makes_no_answer_of_it(impatient: PluginManager) -> None:
    @hookimpl
    def select_boot(machine: object) -> None:
        try:
            gevent.sleep(5)
        finally:
            gevent.sleep(0.1)

    impatient.register(plugin(select_boot=select_boot), "p")
    with pytest.raises(PluginError, match="gave no answer within"):
        impatient.select_boot(MACHINE)


def test_a_wrapper_changes_one_boots_spec_and_no_other(manager: PluginManager) -> None:
    class Wrapper:
        once = True

        @hookimpl(wrapper=True)
        def select_boot(self, machine: object) -> Generator[None, BootSpec, BootSpec]:
            spec = yield
            if self.once:
                self.once = False
                return spec.model_copy(update={"files": {"a": FileRef(location="/etc/passwd")}})
            return spec

    kept = BootSpec(kernel=KERNEL)
    manager.register(plugin(select_boot=hookimpl(lambda machine: kept)), "booter")
    manager.register(Wrapper(), "wrapper")
    first, second = manager.select_boot(MACHINE), manager.select_boot(MACHINE)
    assert isinstance(first, BootSpec)
    assert isinstance(second, BootSpec)
    assert (list(first.files), list(second.files)) == (["a"], [])


class LazySpec(BootSpec):
    def __getattribute__(self, name: str) -> Any:
        if name == "cmdline":
            raise RuntimeError("not yet")
        return super().__getattribute__(name)


class Proxy:
    @property  # type: ignore[misc]
    def __class__(self) -> type:
        raise RuntimeError("working outside of context")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (BootSpec.model_construct(kernel=None), "needs a kernel, an efi program or an ipxe_script"),
        (SPEC.model_copy(update={"message": "x" * 100_000}), "BootSpec with message: .*at most 65536"),
        (SPEC.model_copy(update={"initrds": (KERNEL,) * 200_000}), "BootSpec with initrds: .*at most 1000"),
        (SPEC.model_copy(update={"cmdline": None}), "BootSpec with cmdline: "),
        (BootSpec.model_construct(kernel=FileRef.model_construct(location="/a\udce9")), "kernel.location: "),
        (LazySpec(kernel=KERNEL), "RuntimeError: not yet"),
        (Hold.model_construct(reason="wait", seconds=-5), "Hold with seconds: "),
        (Ignore.model_construct(reason=None), "Ignore with reason: "),
    ],
)
def test_an_answer_that_the_core_would_stumble_over_has_its_plugins_name(
    manager: PluginManager, answer: Any, words: str
) -> None:
    manager.register(plugin(select_boot=hookimpl(lambda machine: answer)), "p")
    with pytest.raises(PluginError, match=f"plugin 'p', hook select_boot: .*{words}"):
        manager.select_boot(MACHINE)


def test_an_answer_that_does_not_say_what_it_is_has_its_plugins_name(manager: PluginManager) -> None:
    manager.register(plugin(select_boot=hookimpl(lambda machine: Proxy())), "p")
    with pytest.raises(PluginError, match="plugin 'p', hook select_boot: RuntimeError: working outside of context"):
        manager.select_boot(MACHINE)


def test_a_lazy_object_beside_the_hooks_is_no_hook(manager: PluginManager) -> None:
    """``from flask import request`` at the top of a plugin's module."""
    lazy = type("Plugin", (), {"request": Proxy(), "select_boot": staticmethod(hookimpl(lambda machine: SPEC))})()
    manager.register(lazy, "p")
    assert manager.select_boot(MACHINE) == SPEC


def test_a_subclass_arrives_as_what_it_stands_for(manager: PluginManager) -> None:
    class Mine(BootSpec):
        def model_copy(self, **_: Any) -> Any:
            raise RuntimeError

    manager.register(plugin(select_boot=hookimpl(lambda machine: Mine(kernel=KERNEL, cmdline="quiet"))), "p")
    assert type(manager.select_boot(MACHINE)) is BootSpec


class Odd(BootFileNotReady):
    def __str__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize("error", [Odd("x", 5), BootFileNotReady("x", -5), BootFileNotReady("x", "5\r\n")])  # type: ignore[arg-type]
def test_an_allowed_error_that_no_client_could_be_told_has_the_plugins_name(
    manager: PluginManager, error: Exception
) -> None:
    @hookimpl
    def open_boot_file(ref: FileRef) -> BootFile:
        raise error

    manager.register(plugin(open_boot_file=open_boot_file), "p")
    with pytest.raises(PluginError, match="plugin 'p', hook open_boot_file: "):
        manager.open_boot_file(KERNEL, None, Urls())


def test_words_that_cannot_be_written_have_the_plugins_name(manager: PluginManager) -> None:
    @hookimpl
    def render_cmdline(machine: object) -> str:
        raise CmdlineError("caf\udce9", 0)

    manager.register(plugin(render_cmdline=render_cmdline), "p")
    with pytest.raises(PluginError, match=r"plugin 'p', hook render_cmdline: CmdlineError: caf\?"):
        manager.render_cmdline(MACHINE, SPEC, Urls())


def test_an_etag_that_no_header_can_hold_has_the_plugins_name(manager: PluginManager) -> None:
    odd = file("x").model_copy(update={"etag": '"é€"'})
    manager.register(plugin(open_boot_file=hookimpl(lambda ref: odd)), "p")
    with pytest.raises(PluginError, match="with etag: "):
        manager.open_boot_file(KERNEL, None, Urls())


def test_a_page_of_a_lazy_kind_has_the_plugins_name(manager: PluginManager) -> None:
    request = PageRequest(path="/a")
    for answer in (Proxy(), PageAnswer.model_construct(text=None)):
        with pytest.raises(PluginError, match="plugin 'p', hook page: "):
            manager.page(Route("p", lambda asked, answer=answer: answer), request)  # type: ignore[misc]


def test_each_listener_has_values_of_its_own(manager: PluginManager) -> None:
    heard = []

    manager.register(plugin(on_event=hookimpl(lambda fact: heard.append(fact.values))), "b")
    manager.register(plugin(on_event=hookimpl(lambda fact: fact.values.clear())), "a")
    manager.on_startup()
    manager.publish(Noted(plugin="p", text="x", values={"client": "y"}), "p: x")
    gevent.sleep(0.01)
    manager.on_shutdown(1)
    assert heard == [{"client": "y"}]


def test_a_path_that_another_has_names_both(manager: PluginManager) -> None:
    for name in ("one", "two"):
        manager.register(plugin(register_routes=hookimpl(lambda routes: routes("/a", lambda request: None))), name)
    with pytest.raises(
        PluginError, match=r"plugin '(one|two)', hook register_routes: plugin '(two|one)' already has '/a'"
    ):
        manager.register_routes()
