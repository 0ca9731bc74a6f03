"""Fixtures for plugin authors, found by pytest wherever Pixiecore is installed. The kit is imported when it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pixiecore_core.firmware.known import KNOWN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pixiecore_core.testing import Netboot


@pytest.fixture
def netboot() -> Iterator[Callable[..., Netboot]]:
    """Makes a netboot server in memory: ``netboot(plugin, …)``; see :class:`pixiecore_core.testing.Netboot`."""
    from pixiecore_core.testing import Netboot

    made: list[Netboot] = []

    def make(*plugins: Any) -> Netboot:
        made.append(Netboot(*plugins))
        return made[-1]

    yield make
    for one in made:
        one.close()


_BOOTED_BY_PXE = {code: row.loader.name for row in KNOWN.rows if row.loader is not None for code in row.codes}


@pytest.fixture(params=_BOOTED_BY_PXE, ids=[f"{loader}-{code}" for code, loader in _BOOTED_BY_PXE.items()])
def firmware(request: pytest.FixtureRequest) -> int:
    """The IANA code of every firmware that Pixiecore boots by PXE, one after the other."""
    return int(request.param)
