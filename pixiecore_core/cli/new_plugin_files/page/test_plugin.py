"""The page, beside a booter whose command line names it, in a netboot server in memory."""

from __future__ import annotations

from $package import $class_name

from pixiecore_core import BootSpec, FileRef
from pixiecore_core.testing import FixedBooter, Netboot, configured

MAC = "52:54:00:12:34:56"
SPEC = BootSpec(kernel=FileRef(location=__file__), cmdline="step={{ $word }}")


def test_a_step_shows_in_the_machines_timeline() -> None:
    machines = Netboot(FixedBooter(SPEC), configured($class_name))
    boot = machines.boot(MAC)
    assert boot is not None
    url = boot.cmdline.removeprefix("step=")
    assert machines.post(url, b"partitioning\n") == (200, "noted\n")
    assert machines.sentences(MAC)[-1] == "$name: partitioning"
    assert machines.post(url, b"")[0] == 400
    assert machines.get(url)[0] == 405


def test_whoever_has_no_url_of_ours_is_refused() -> None:
    machines = Netboot(FixedBooter(SPEC), configured($class_name))
    assert machines.post("/$name/step", b"partitioning")[0] == 403
