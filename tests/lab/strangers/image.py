"""`python -m tests.lab.strangers.image IMAGE`: the container image boots a machine from real firmware to Linux.

By the original's command line, `boot /image/vmlinuz /image/initrd`, as Docker would run it and as Kubernetes would
without privilege escalation: the image's user and entry point, an engine's capabilities, runc.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.lab.artefacts import new_folder
from tests.lab.boot import boot
from tests.lab.machines import MACHINES
from tests.lab.neighbour import start_neighbour
from tests.lab.network import Network
from tests.lab.packages import REPOSITORY
from tests.lab.payload import payload
from tests.lab.server import Errand

_IMAGE = REPOSITORY / "packaging/image"
_WAYS = {
    "docker": (),
    "kubernetes": (
        *("--env", "STATE_DIRECTORY=/var/lib/pixiecore/state"),
        *("--env", "CACHE_DIRECTORY=/var/cache/pixiecore/cache"),
    ),
}
_MACHINE = MACHINES["ovmf-x64-pxe"]  # takes every step: ProxyDHCP, BINL on 4011, TFTP, iPXE, HTTP


def boot_from(unpacked: Path, engine: str) -> float:
    """Boot a machine, and return the seconds it took."""
    folder = new_folder(f"image-{engine}")
    parts, errand = payload(_MACHINE.payload), Errand.prepare(folder)
    assert parts.kernel.parent == parts.initrd.parent
    volumes = ["-v", f"{parts.kernel.parent}:/image:ro", "-v", f"{folder}:{folder}:ro"]
    line = ["boot", f"/image/{parts.kernel.name}", f"/image/{parts.initrd.name}", f"--cmdline={errand.cmdline}"]
    with Network() as network:
        start_neighbour(network, folder)
        argv = [_IMAGE / "run", unpacked, "--as", engine, *_WAYS[engine], *volumes, "--", *line]
        server = network.run_in(network.srv, argv, folder / "server.log")
        server.wait_for("Ready", timeout=20)
        result = boot(_MACHINE, network, folder)
    errand.check(_MACHINE, result)
    shutil.rmtree(folder)
    return result.seconds


def main(archive: str) -> None:
    """Boot from an image, in each way."""
    with tempfile.TemporaryDirectory() as name:
        unpacked = Path(name, "image")
        subprocess.run([_IMAGE / "unpack", archive, unpacked], check=True)
        for engine in _WAYS:
            seconds = boot_from(unpacked, engine)
            sys.stdout.write(f"  boots {_MACHINE.name} from firmware to Linux as {engine} runs it: {seconds:.1f} s\n")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
