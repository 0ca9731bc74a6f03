"""How a model is made from all its sources."""

from __future__ import annotations

import pytest

from pixiecore_core.errors import ConfigError
from pixiecore_core.settings import ServerSettings, resolve


def server(table: dict[str, object], also: tuple[str, ...] = ()) -> ServerSettings:
    return resolve(ServerSettings, "", {}, {}, table, "[server]", also=also)


@pytest.mark.parametrize("value", ["eth0", ["eth0"]])
def test_one_value_is_a_list_of_one(value: object) -> None:
    assert server({"interface": value}).interface == ["eth0"]


def test_what_others_read_is_left_to_them() -> None:
    assert server({"booter": "static", "port": 8080}, also=("booter",)).port == 8080
    with pytest.raises(ConfigError, match="did you mean 'port'"):
        server({"booter": "static", "prot": 8080}, also=("booter",))
