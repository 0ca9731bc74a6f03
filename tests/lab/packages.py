"""Debian packages unpacked, not installed: kernels and firmware parts of several architectures.

apt works on the machine's own package sources, but with lists and architectures of its own under the cache folder, so
that neither the machine's apt nor its dpkg hears of the foreign architecture, and nothing reaches /boot.
"""

from __future__ import annotations

import fcntl
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
CACHE = REPOSITORY / ".cache" / "lab"
ARCHITECTURES = ("amd64", "i386")

_PROGRAMS = ("apt-get", "dnsmasq", "ethtool", "ip", "qemu-system-x86_64", "setpriv", "tcpdump")


def missing_programs() -> str:
    """What the lab runs and this machine lacks, as a sentence; empty when all is there."""
    missing = [program for program in _PROGRAMS if shutil.which(program) is None]
    return f"not installed: {', '.join(missing)}; run tools/install-system-packages" if missing else ""


def debian_release() -> int:
    """This machine's release of Debian, such as 12; 0 where it has no number yet, or another name."""
    version = platform.freedesktop_os_release().get("VERSION_ID", "")
    return int(version) if version.isdecimal() else 0


def unpack(packages: Sequence[str], into: Path) -> None:
    """Download `packages`, each as name:architecture, and unpack them all into one folder.

    A metapackage stands for the first package it depends on: linux-image-cloud-amd64 for the newest such kernel.
    """
    state = CACHE / "apt"
    state.mkdir(parents=True, exist_ok=True)
    with (state / "lock").open("w") as lock:  # tests run side by side, and apt would not wait for itself
        fcntl.flock(lock, fcntl.LOCK_EX)
        _unpack(packages, into, state)


def _unpack(packages: Sequence[str], into: Path, state: Path) -> None:
    downloads = state / "downloads"
    for folder in (state / "lists" / "partial", state / "cache" / "archives" / "partial", downloads):
        folder.mkdir(parents=True, exist_ok=True)
    # One index that its mirror is just replacing must not stop us: what matters is whether the packages then come.
    _apt("apt-get", state, "update", "--quiet=2", check=False)
    names = [_behind_metapackage(state, package) for package in packages]
    _apt("apt-get", state, "download", "--quiet=2", *names, cwd=downloads)
    for name in names:
        bare, _, architecture = name.partition(":")
        newest = max(downloads.glob(f"{bare}_*_{architecture}.deb"), key=lambda deb: deb.stat().st_mtime)
        subprocess.run(["dpkg-deb", "--extract", newest, into], check=True)


def _behind_metapackage(state: Path, package: str) -> str:
    if not package.startswith("linux-image-"):
        return package
    architecture = package.partition(":")[2]
    answer = _apt("apt-cache", state, "depends", package).stdout
    kernel = re.search(r"Depends: (linux-image-[^\s:]+)", answer)
    if kernel is None:
        raise LookupError(f"{package} names no kernel:\n{answer}")
    return f"{kernel[1]}:{architecture}"


def _apt(
    program: str, state: Path, *arguments: str, cwd: Path | None = None, check: bool = True
) -> subprocess.CompletedProcess[str]:
    options = [
        f"Dir::State::Lists={state / 'lists'}",
        f"Dir::Cache={state / 'cache'}",
        "APT::Sandbox::User=root",  # the user _apt may not write below a checkout
        *(f"APT::Architectures::={architecture}" for architecture in ARCHITECTURES),
    ]
    argv = [program, *(part for option in options for part in ("-o", option)), *arguments]
    environment = {**os.environ, "LC_ALL": "C"}
    done = subprocess.run(argv, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        raise RuntimeError(f"{program} {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
    return done
