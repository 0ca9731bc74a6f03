"""An upstream for each test of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.files.web import Site, serving


@pytest.fixture
def site() -> Iterator[Site]:
    """An upstream without pages."""
    with serving() as site:
        yield site
