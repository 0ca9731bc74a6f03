"""The API booter keeps the contract of all booters."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pixiecore_api_booter.booter import ApiBooter
from pixiecore_api_booter.settings import ApiSettings

from pixiecore_core.testing import BooterContract

from .servers import Api, Reply, serving


def _answer(reply: Reply) -> None:
    if reply.path.endswith("02:00:00:00:00:01"):
        reply.json({}, status=404)
    else:
        reply.json({"kernel": "vmlinuz", "cmdline": {"quiet": True, "seed": {"url": "/seed"}}})


class TestApiBooter(BooterContract):
    api: Api

    @pytest.fixture(autouse=True)
    def _serve(self) -> Iterator[None]:
        with serving(_answer) as api:
            type(self).api = api
            yield

    def make_booter(self, folder: Path) -> Any:
        return ApiBooter(ApiSettings.model_validate({"url": self.api.url, "api_request_timeout": "2s"}))
