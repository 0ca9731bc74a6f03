"""Every machine goes from its firmware to Linux through Pixiecore, beside a neighbour that knows nothing of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from pixiecore_core.boot.uki import Part, unify

from .boot import boot
from .machines import MACHINES, Machine
from .neighbour import start_neighbour
from .network import NEIGHBOUR_ADDRESS, Network
from .payload import payload
from .server import PIXIECORE, Errand, start_server
from .timings import Timing, record

# The first boot on a machine waits for the download of the kernels; the boot itself has a time-out of its own.
pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]


def way_of(machine: Machine) -> str:
    """What a machine boots by, in words."""
    if machine.stub:
        return "one file that is made for it, without iPXE"
    if "ipxe" in machine.name.split("-"):
        return "the iPXE in its card"
    return f"iPXE of {machine.name.rpartition('-')[2]}" if machine.ipxe is not None else "the iPXE installed here"


IPXE_ROM = MACHINES["seabios-ipxe-virtio"]
PXE = MACHINES["ovmf-x64-pxe"]
EVERY_MACHINE = [pytest.param(machine, id=machine.name) for machine in MACHINES.values()]


def boots(
    machine: Machine,
    folder: Path,
    *,
    router_advertisements: bool = True,
    extra: Sequence[str] = (),
    options: Sequence[str] = (),
    way: str = "",
) -> str:
    """Boot it, and return what the server has logged.

    :param way: what it goes by, where that is to be written down
    :param extra: of the neighbour's command line
    :param options: of the server's
    """
    errand = Errand.prepare(folder, machine.board.console)
    with Network() as network:
        start_neighbour(network, folder, router_advertisements=router_advertisements, extra=extra)
        server = start_server(network, folder, machine, errand, options=options)
        result = boot(machine, network, folder)
        errand.check(machine, result)
        if way:
            record(Timing(machine.name, way, result.seconds))
        return server.text()


@pytest.mark.parametrize("machine", EVERY_MACHINE)
def test_machine_reaches_linux(machine: Machine, lab_folder: Path) -> None:
    boots(machine, lab_folder, router_advertisements=False, way=way_of(machine))


def test_neighbour_that_offers_a_boot_file_of_its_own(lab_folder: Path) -> None:
    """Option 175.1, priority, makes iPXE prefer our file name to the DHCP server's."""
    boots(IPXE_ROM, lab_folder, extra=("--dhcp-boot=theirs.0,,192.0.2.1",))


def test_on_the_same_host_as_the_dhcp_server(lab_folder: Path) -> None:
    """--dhcp-no-bind: dnsmasq holds port 67, and both answer."""
    errand = Errand.prepare(lab_folder)
    with Network() as network:
        start_neighbour(network, lab_folder)
        start_server(network, lab_folder, IPXE_ROM, errand, beside_neighbour=True)
        errand.check(IPXE_ROM, boot(IPXE_ROM, network, lab_folder), NEIGHBOUR_ADDRESS)


def test_by_a_server_that_has_given_root_up(lab_folder: Path) -> None:
    """From firmware to Linux, on the real ports, as the user "pixiecore"."""
    errand = Errand.prepare(lab_folder)
    with Network() as network:
        start_neighbour(network, lab_folder)
        server = start_server(network, lab_folder, PXE, errand, own_user=True)
        assert "Goes on as user pixiecore, without any privilege" in server.text()
        errand.check(PXE, boot(PXE, network, lab_folder))


@pytest.mark.parametrize("machine", [IPXE_ROM, PXE], ids=lambda machine: machine.name)
def test_where_no_router_is_ipxe_is_told_so(machine: Machine, lab_folder: Path) -> None:
    """As on most home networks. It would wait 15 s."""
    log = boots(machine, lab_folder, router_advertisements=False)
    assert "that there is no IPv6 router on eth0" in log


def test_where_a_router_is_nobody_is_told_anything(lab_folder: Path) -> None:
    assert "IPv6 router" not in boots(IPXE_ROM, lab_folder)


def test_ipxe_that_is_told_nothing_waits_and_boots(lab_folder: Path) -> None:
    log = boots(IPXE_ROM, lab_folder, router_advertisements=False, options=["--quiet-ra=off"])
    assert "IPv6 router" not in log


@pytest.mark.parametrize("machine", [PXE, MACHINES["ovmf-x64-http"]], ids=lambda machine: machine.name)
def test_one_efi_file_is_all_it_boots(machine: Machine, lab_folder: Path) -> None:
    parts, file = payload(machine.payload), lab_folder / "linux.efi"
    kernel, initrd = (Part(str(path), path.stat().st_size) for path in (parts.kernel, parts.initrd))
    image = unify(parts.efi_stub.read_bytes(), kernel, [initrd], "console=ttyS0 quiet lab.word=efi", "ID=lab\n")
    with file.open("wb") as made:
        for piece in image.pieces:
            made.write(Path(piece.name).read_bytes() if isinstance(piece, Part) else piece)
    with Network() as network:
        start_neighbour(network, lab_folder, router_advertisements=False)
        argv = [PIXIECORE, "run", "--booter=static", f"--efi={file}", f"--key-file={lab_folder / 'url.key'}"]
        server = network.run_in(network.srv, argv, lab_folder / "server.log")
        server.wait_for("Ready", timeout=15)
        assert boot(machine, network, lab_folder).cmdline == "console=ttyS0 quiet lab.word=efi"
        server.wait_for("has everything and starts its kernel", timeout=1)
