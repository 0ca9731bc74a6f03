"""What plugins add to the command line: plain commands, and commands that serve."""

from __future__ import annotations

from typing import Any

import click
import pytest

from pixiecore_core.cli import commands as module
from pixiecore_core.cli.commands import Commands
from pixiecore_core.errors import ConfigError


@pytest.fixture
def group() -> click.Group:
    return click.Group(commands={"run": click.Command("run")})


@click.command("go")
@click.argument("kernel")
@click.option("--listed", is_flag=True)
def go(kernel: str, listed: bool) -> dict[str, str] | None:
    """Go."""
    return None if listed else {"kernel": kernel}


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    served: list[Any] = []
    monkeypatch.setattr(module, "run", lambda ctx, *arguments: served.append(arguments))
    return served


def test_a_serving_command_serves_with_what_its_function_returns(group: click.Group, served: list[Any]) -> None:
    Commands("p", group, {}).add_serving(go, "static", {"kernel": "KERNEL"})
    group.commands["go"].main(["vmlinuz", "--port", "8080"], standalone_mode=False)
    assert served == [("static", {"kernel": "vmlinuz"}, {"kernel": "KERNEL"})]


def test_a_serving_command_that_returns_nothing_serves_nothing(group: click.Group, served: list[Any]) -> None:
    Commands("p", group, {}).add_serving(go, "static")
    group.commands["go"].main(["vmlinuz", "--listed"], standalone_mode=False)
    assert served == []


def test_the_plugins_own_command_stays_as_it_is(group: click.Group) -> None:
    """The command line may be assembled more than once in a process."""
    before = list(go.params)
    for _ in range(2):
        Commands("p", click.Group(), {}).add_serving(go, "static")
    assert go.params == before


@pytest.mark.parametrize("odd", [5, None, click.Command(None), "list"])
def test_what_is_not_a_command_is_refused_by_name(group: click.Group, odd: Any) -> None:
    with pytest.raises(ConfigError, match=r"plugin 'p': .* is not a click command"):
        Commands("p", group, {}).add(odd)
    with pytest.raises(ConfigError, match=r"plugin 'p': .* is not a click command"):
        Commands("p", group, {}).add_serving(odd, "static")


def test_a_name_that_is_taken_is_refused_and_says_whose_it_is(group: click.Group) -> None:
    owners: dict[str, str] = {}
    Commands("first", group, owners).add(click.Command("extra"))
    with pytest.raises(ConfigError, match="plugin 'second': its command 'extra' exists already, plugin 'first' has it"):
        Commands("second", group, owners).add(click.Command("extra"))
    with pytest.raises(ConfigError, match="plugin 'second': its command 'run' exists already, the core has it"):
        Commands("second", group, owners).add(click.Command("run"))
