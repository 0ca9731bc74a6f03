"""For all tests: what a server keeps in the user's folders goes to a folder of the test run, and root stays root, even
on a host with a user "pixiecore", who could not read it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from pixiecore_core.ownership import service_user


@pytest.fixture(scope="session", autouse=True)
def _own_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for kind in ("CACHE", "STATE"):
            patch.setenv(f"XDG_{kind}_HOME", str(tmp_path_factory.mktemp(kind.lower())))
        if os.geteuid() == 0 and service_user() is not None:
            patch.setenv("PIXIECORE_USER", "root")
        yield


pytest_plugins = ["pytester"]
