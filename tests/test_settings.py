"""How a model is made from all its sources."""

from __future__ import annotations

import pytest

from pixiecore_core.errors import ConfigError
from pixiecore_core.settings import ServerSettings, Sources


def server(table: dict[str, object]) -> ServerSettings:
    return Sources.server({}, {}, {"server": table}).resolve(ServerSettings)


@pytest.mark.parametrize("value", ["eth0", ["eth0"]])
def test_one_value_is_a_list_of_one(value: object) -> None:
    assert server({"interface": value}).interface == ["eth0"]


def test_what_others_read_is_left_to_them() -> None:
    assert server({"booter": "static", "port": 8080}).port == 8080
    with pytest.raises(ConfigError, match="did you mean 'port'"):
        server({"booter": "static", "prot": 8080})
