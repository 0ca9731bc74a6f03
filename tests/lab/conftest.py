"""The lab's fixtures: a folder for each boot's logs and capture, named in the report and kept when the test fails."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from .artefacts import new_folder
from .packages import missing_programs

_FOLDER = pytest.StashKey[Path]()
_PASSED = pytest.StashKey[bool]()


@pytest.fixture
def lab_folder(request: pytest.FixtureRequest) -> Iterator[Path]:
    """Where this test's boot writes; removed again when the test passes."""
    if os.geteuid() != 0:
        pytest.skip("the lab makes network namespaces: it needs root")
    if missing := missing_programs():
        pytest.fail(missing)
    folder = new_folder(request.node.name)
    request.node.stash[_FOLDER] = folder
    yield folder
    if request.node.stash.get(_PASSED, False):
        shutil.rmtree(folder)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call" and _FOLDER in item.stash:
        item.stash[_PASSED] = report.passed
        if report.failed:
            files = sorted(str(path) for path in item.stash[_FOLDER].iterdir())
            report.sections.append(("lab artefacts", "\n".join(files)))
    return report
