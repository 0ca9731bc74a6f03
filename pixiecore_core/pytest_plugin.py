"""Fixtures for plugin authors, found by pytest wherever Pixiecore is installed. The kit is imported when it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

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


@pytest.fixture(params=[0, 6, 7, 9, 11], ids=["bios", "efi-ia32", "efi-x64", "efi-bc", "efi-arm64"])
def firmware(request: pytest.FixtureRequest) -> int:
    """The IANA code of every firmware that Pixiecore boots by PXE, one after the other."""
    return int(request.param)
