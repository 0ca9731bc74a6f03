"""`pixiecore quick debian` boots a real machine into the real Debian installer, from a mirror on the server's host.

The installer is this system's own release, from a Debian package; its files are laid out as mirrors lay them out, and
served by an ordinary web server. The boot ends when the installer has shown its screens, configured the network, and
fetched and obeyed the preseed file that `{{ ID … }}` on the command line names. What the installer says by syslog and
by the URL of `{{ REPORT … }}` is in the machine's timeline.
"""

from __future__ import annotations

import dataclasses
import platform
import re
import sys
from pathlib import Path

import pytest

from .boot import boot
from .machines import MAC, MACHINES
from .neighbour import start_neighbour
from .network import SERVER_ADDRESS, Network
from .packages import CACHE, unpack
from .server import PIXIECORE
from .test_failures import explained

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

_PORT = "8000"
_PRESEED = r"""d-i preseed/early_command string \
    wget -q -O /dev/null "$(sed 's/.* report=\([^ ]*\).*/\1/' /proc/cmdline)"; \
    sleep 1; echo "PRESEED read on $(uname -m)" >/dev/console
"""


def mirror(folder: Path) -> tuple[Path, str]:
    """A folder like a mirror's root, and the release that it has."""
    system = platform.freedesktop_os_release()
    number, release = system["VERSION_ID"], system["VERSION_CODENAME"]
    images = CACHE / f"installer/usr/lib/debian-installer/images/{number}/amd64/text/debian-installer"
    if not images.is_dir():
        unpack([f"debian-installer-{number}-netboot-amd64:all"], CACHE / "installer")
    netboot = folder / f"debian/dists/{release}/main/installer-amd64/current/images/netboot"
    netboot.mkdir(parents=True)
    (netboot / "debian-installer").symlink_to(images)
    return folder, release


@pytest.mark.parametrize("name", ["seabios-ipxe-virtio", "ovmf-x64-pxe"])
def test_the_debian_installer_comes_from_a_mirror(lab_folder: Path, name: str) -> None:
    machine = dataclasses.replace(MACHINES[name], memory=1536)
    root, release = mirror(lab_folder / "mirror")
    (lab_folder / "preseed.cfg").write_text(_PRESEED)
    preseed = f'auto=true priority=critical hostname=lab domain=test url={{{{ ID "{lab_folder / "preseed.cfg"}" }}}}'
    # The installer would wait for IPv6, and ask for a name server if nobody named one.
    cmdline = f'{preseed} ipv6.disable=1 report={{{{ REPORT "the preseed file was read" }}}} console=ttyS0'
    with Network() as network:
        start_neighbour(network, lab_folder, extra=["--dhcp-option=option:dns-server,192.0.2.1"])
        web = [sys.executable, "-u", "-m", "http.server", "--bind", SERVER_ADDRESS, "--directory", root, _PORT]
        network.run_in(network.srv, web, lab_folder / "mirror.log").wait_for("Serving", timeout=15)
        argv: list[str | Path] = [PIXIECORE, "quick", "debian", release, f"--cmdline={cmdline}"]
        argv += [f"--mirror=http://{SERVER_ADDRESS}:{_PORT}/debian", f"--cache-dir={lab_folder / 'cache'}"]
        argv += [f"--key-file={lab_folder / 'url.key'}", f"--history={lab_folder / 'history.sqlite'}", "--syslog=514"]
        server = network.run_in(network.srv, argv, lab_folder / "server.log")
        server.wait_for("Ready", timeout=15)
        result = boot(machine, network, lab_folder, timeout=170, marker="PRESEED read on x86_64")
        asked = (lab_folder / "mirror.log").read_text()
        timeline = [line["message"] for line in explained(network)["timeline"]]
    assert "Configuring the network with DHCP" in result.serial
    for file in ("linux", "initrd.gz"):
        # Once for all machines; the HEAD is of the warning about mirrors that do not answer.
        assert len(re.findall(rf'"GET \S+/netboot/debian-installer/amd64/{file} HTTP', asked)) == 1, asked
    assert 'Sent file "preseed.cfg"' in server.text()
    told = [f"{MAC} goes on to installer: preseed", f"{MAC} reports: the preseed file was read"]
    assert [words for words in timeline if words in told] == told, timeline
    assert any(words.startswith(f"{MAC} says: ") for words in timeline), timeline
