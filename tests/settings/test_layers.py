"""How a model is made from all its sources."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field, model_validator

from pixiecore_core.errors import ConfigError
from pixiecore_core.settings.layers import Layers
from pixiecore_core.settings.names import is_list
from pixiecore_core.settings.server import ServerSettings


def server(table: dict[str, object]) -> ServerSettings:
    return Layers(table=table, also=["booter"]).resolve(ServerSettings)


@pytest.mark.parametrize("value", ["eth0", ["eth0"]])
def test_one_value_is_a_list_of_one(value: object) -> None:
    assert server({"interface": value}).interface == ["eth0"]


def test_what_others_read_is_left_to_them() -> None:
    assert server({"booter": "static", "port": 8080}).port == 8080
    with pytest.raises(ConfigError, match="did you mean 'port'"):
        server({"booter": "static", "prot": 8080})


class Card(BaseModel):
    name: str
    numbers: list[int] = []


class Nested(BaseModel):
    card: Card = Card(name="x")
    cards: list[Card] = []
    table: dict[str, int] = {}
    either: Card | int = 1


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"card": {}}, "[plugin.p] card.name: is needed"),
        ({"card": {"name": 1}}, "[plugin.p] card.name: Input should be"),
        ({"cards": [{"name": "x"}, {"name": "x", "numbers": [1, "x"]}]}, "[plugin.p] cards[1].numbers[1]: Input"),
        ({"table": {"a b": "x"}}, "[plugin.p] table.a b: Input should be a valid integer"),
        ({"either": {"name": 1}}, "[plugin.p] either.name: "),
        ({"card": "x"}, "[plugin.p] card: is a table"),
    ],
)
def test_a_mistake_within_a_table_is_named_by_its_key(table: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Layers(table=table, title="[plugin.p]", section="p").resolve(Nested)
    assert str(caught.value).startswith(words)


class Whole(BaseModel):
    a: int = 0

    @model_validator(mode="after")
    def never(self) -> Whole:
        raise KeyError("nothing")


def test_a_check_of_them_all_that_breaks_is_the_table_s() -> None:
    with pytest.raises(ConfigError, match=r"\[plugin.p\]: could not be checked \(KeyError: 'nothing'\)"):
        Layers({"a": 1}, title="[plugin.p]", section="p").resolve(Whole)


class Kinds(BaseModel):
    bare: list  # type: ignore[type-arg]
    several: list[str]
    sequence: Sequence[str]
    perhaps: Annotated[list[str], Field(max_length=3)] | None
    unique: set[str] | None
    one: str | None
    either: list[str] | int
    anything: Any


def test_what_takes_several_values() -> None:
    several = {key for key, field in Kinds.model_fields.items() if is_list(field)}
    assert several == {"bare", "several", "sequence", "perhaps", "unique"}
