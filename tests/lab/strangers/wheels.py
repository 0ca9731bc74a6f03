"""`python -m tests.lab.strangers.wheels FOLDER`: Pixiecore installed by name from a folder of wheels boots a machine.

In an empty environment, run from another folder: what a wheel forgot is not there.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import venv
from pathlib import Path

from tests.lab.artefacts import new_folder
from tests.lab.boot import boot
from tests.lab.machines import MACHINES
from tests.lab.neighbour import start_neighbour
from tests.lab.network import Network
from tests.lab.packages import REPOSITORY
from tests.lab.server import Errand, start_server

WANTED = "pixiecore-core[static]"


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.lab.strangers.wheels", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("wheels", type=Path)
    wheels = parser.parse_args().wheels.resolve()
    folder = new_folder("stranger-wheels")
    environment = folder / "environment"
    venv.create(environment, with_pip=True)
    pip = [environment / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    constraints = ["--constraint", REPOSITORY / "constraints.txt"]
    subprocess.run([*pip, *constraints, "--find-links", wheels, WANTED], check=True, cwd=folder)
    machine = MACHINES["ovmf-x64-pxe"]
    errand = Errand.prepare(folder)
    with Network() as network:
        start_neighbour(network, folder)
        start_server(network, folder, machine, errand, program=environment / "bin/pixiecore")
        result = boot(machine, network, folder)
    errand.check(machine, result)
    shutil.rmtree(folder)
    sys.stdout.write(f"{WANTED} from {wheels.name}: {machine.name} booted Linux in {result.seconds:.1f} s\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
