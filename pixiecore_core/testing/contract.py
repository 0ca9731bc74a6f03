"""What every booter must keep to, as tests: subclass :class:`BooterContract` and say how to make yours.

Knows no booter. The test that it does not block the event loop runs in a process of its own, because only the
``pixiecore`` command makes the standard library cooperative, and a test process must not be.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import gevent
from gevent import monkey

from pixiecore_core.files.plane import FilePlane
from pixiecore_core.firmware.known import KNOWN
from pixiecore_core.models import BootSpec, FileRef, Hold, Ignore, LocalDisk, Machine
from pixiecore_core.testing.netboot import Netboot

if TYPE_CHECKING:
    import pytest  # a server without it imports this package for its simulated machines

_MACHINE = Machine(mac="52:54:00:12:34:56", architecture=KNOWN.architecture(7), serial="S1")
_ANSWERS = (BootSpec, Hold, Ignore, LocalDisk, type(None))
_LONGEST_TURN = 0.5
"""How many seconds the event loop may stand still."""


class BooterContract:
    """Checks a booter.

    ``make_booter`` must be overridden; ``machine`` is one that it boots.
    """

    machine = _MACHINE

    def make_booter(self, folder: Path) -> Any:
        """A booter that boots :attr:`machine`, constructed as the core would.

        :param folder: an empty folder, for files that it needs
        """
        raise NotImplementedError

    def test_it_has_a_name_and_settings(self, tmp_path: Path) -> None:
        """``--booter NAME`` finds it, and its settings become options."""
        booter = self.make_booter(tmp_path)
        assert booter.name
        assert hasattr(booter.Settings, "model_fields"), "Settings must be a pydantic model"
        for name, field in booter.Settings.model_fields.items():
            assert field.description, f"setting {name!r} needs a description: it is the option's help"

    def test_no_architecture_makes_it_raise(self, tmp_path: Path) -> None:
        """New ones appear every year, and on some paths nothing is known."""
        booter = self.make_booter(tmp_path)
        for code in (*range(45), 0xFFFF):
            machine = self.machine.model_copy(update={"architecture": KNOWN.architecture(code)})
            assert isinstance(booter.select_boot(machine), _ANSWERS)
        assert isinstance(booter.select_boot(Machine(mac=self.machine.mac)), _ANSWERS)

    def test_the_same_machine_gets_the_same_answer(self, tmp_path: Path) -> None:
        """It is asked several times a boot."""
        booter = self.make_booter(tmp_path)
        assert booter.select_boot(self.machine) == booter.select_boot(self.machine)

    def test_every_file_has_the_size_that_it_says(self, tmp_path: Path) -> None:
        """A kernel that is shorter than promised ends a boot."""
        spec = self._spec(tmp_path)
        plane = FilePlane()
        refs = [ref for ref in (spec.kernel, spec.efi, *spec.initrds, *spec.files.values()) if ref and _is_ours(ref)]
        for ref in refs:
            file = plane.open(ref)
            position = 0
            while part := file.source.read_at(position, 1 << 20):
                position += len(part)
            file.source.close()
            assert position == file.size, f"{ref.location} has {position} bytes, not {file.size}"

    def test_the_command_line_is_one_line(self, tmp_path: Path) -> None:
        """iPXE ends a command at the end of its line."""
        machines = Netboot(self.make_booter(tmp_path))
        script = machines.script(self.machine.mac, serial=self.machine.serial)
        machines.close()
        assert script.startswith("#!ipxe")

    def test_a_refusal_has_a_reason(self, tmp_path: Path) -> None:
        """People read it in the log."""
        answer = self.make_booter(tmp_path).select_boot(Machine(mac="02:00:00:00:00:01"))
        assert not isinstance(answer, (Hold, Ignore)) or answer.reason.strip()

    def test_it_does_not_block_the_loop(self, tmp_path: Path, request: pytest.FixtureRequest) -> None:
        """While the booter decides about one machine, all others go on."""
        if not monkey.is_module_patched("socket"):
            _run_patched(request, tmp_path)
            return
        booter = self.make_booter(tmp_path)
        longest = 0.0
        asking = gevent.spawn(booter.select_boot, self.machine)
        last = time.monotonic()
        while not asking.dead:
            gevent.sleep(0.001)
            now = time.monotonic()
            longest, last = max(longest, now - last), now
        asking.get()
        assert longest < _LONGEST_TURN, f"the event loop stood still for {longest:.1f} s"

    def _spec(self, folder: Path) -> BootSpec:
        answer = self.make_booter(folder).select_boot(self.machine)
        assert isinstance(answer, BootSpec), f"`machine` must be one that the booter boots, not {answer!r}"
        return answer


def _is_ours(ref: FileRef) -> bool:
    return not ref.is_url and os.path.exists(ref.location)


_IN_PATCHED = "PIXIECORE_TESTING_PATCHED"
"""In the environment of the process that :func:`_run_patched` starts, so that none starts another."""


def _run_patched(request: pytest.FixtureRequest, folder: Path) -> None:
    """The same test again, in a process whose standard library is cooperative.

    What came of it is read from a report: what is printed, and the exit status, depend on the project's own addopts.
    """
    assert _IN_PATCHED not in os.environ, "pytest runs the tests in yet another process; run this one without that"
    test = f"{request.path}::{request.node.nodeid.split('::', 1)[1]}"
    report = folder / "report.xml"
    command = [sys.executable, "-m", "gevent.monkey", "--module", "pytest", "-p", "no:cacheprovider", test]
    command += ["--rootdir", str(request.config.rootpath), f"--junitxml={report}"]
    # As it was found here, so that it is found there.
    command += [f"--import-mode={request.config.getoption('importmode')}"]
    command += [word for setting in request.config.getoption("override_ini") or [] for word in ("-o", setting)]
    if request.config.pluginmanager.hasplugin("xdist"):
        command += ["-n", "0"]  # its workers would not be cooperative
    environment = os.environ | {_IN_PATCHED: "1"}
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=request.config.rootpath, env=environment, check=False
    )
    counts = ElementTree.parse(report).getroot().find("testsuite") if report.exists() else None
    passed = counts is not None and [counts.get(key) for key in ("tests", "failures", "errors", "skipped")]
    assert passed == ["1", "0", "0", "0"], done.stdout + done.stderr
