"""Debian's own cloud-init as a judge: what does its NoCloud source get for a machine's kernel command line?

The package is unpacked, not installed, and runs in a process and a network namespace of its own. Boots nothing.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from .packages import CACHE, REPOSITORY, unpack

_PACKAGE = CACHE / "cloud-init"


def seed(namespace: str, cmdline: str, folder: Path) -> dict[str, Any]:
    """What cloud-init finds, asked from a network namespace.

    :param cmdline: the machine's
    :param folder: for cloud-init's own files
    """
    if not _PACKAGE.exists():
        unpack(["cloud-init:all"], _PACKAGE)
    argv = ["ip", "netns", "exec", namespace, sys.executable, "-m", __name__, folder]
    environment = {**os.environ, "DEBUG_PROC_CMDLINE": cmdline}  # cloud-init reads this instead of /proc/cmdline
    done = subprocess.run(
        argv, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _judge(folder: str) -> None:
    """Run the NoCloud source as cloud-init does at boot, and print what it got."""
    sys.path.append(str(_PACKAGE / "usr/lib/python3/dist-packages"))
    cfg = importlib.import_module("cloudinit.settings").CFG_BUILTIN
    paths = importlib.import_module("cloudinit.helpers").Paths({"cloud_dir": folder, "run_dir": folder})
    distro = importlib.import_module("cloudinit.distros").fetch("debian")("debian", cfg, paths)
    source = importlib.import_module("cloudinit.sources.DataSourceNoCloud").DataSourceNoCloudNet(cfg, distro, paths)
    found = {
        "found": source.get_data(),
        "instance": source.get_instance_id(),
        "hostname": source.get_hostname().hostname,
        "user-data": source.get_userdata_raw().decode(),
        "vendor-data": source.get_vendordata_raw().decode(),
    }
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    _judge(sys.argv[1])
