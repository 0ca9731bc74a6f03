"""Debian packages unpacked, not installed: kernels and firmware parts of several architectures, and of other releases.

apt works on the machine's own package sources, or on another release of the same mirror, but with lists and
architectures of its own under the cache folder, so that neither the machine's apt nor its dpkg hears of the foreign
architecture or release, and nothing reaches /boot.
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
ARCHITECTURES = ("amd64", "i386", "arm64")

_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")

_PROGRAMS = (
    *("apt-get", "dnsmasq", "ethtool", "ip", "qemu-system-aarch64", "qemu-system-x86_64"),
    *("mcopy", "setpriv", "tcpdump"),
)


def missing_programs() -> str:
    """What the lab runs and this machine lacks, as a sentence; empty when all is there."""
    missing = [program for program in _PROGRAMS if shutil.which(program) is None]
    return f"not installed: {', '.join(missing)}; run tools/install-system-packages" if missing else ""


def debian_release() -> int:
    """This machine's release of Debian, such as 12; 0 where it has no number yet, or another name."""
    version = platform.freedesktop_os_release().get("VERSION_ID", "")
    return int(version) if version.isdecimal() else 0


class SuiteNotHere(LookupError):
    """The mirror that apt uses here does not have that release of Debian."""


def codename() -> str:
    """This machine's own release by its name, such as bookworm; empty where it has none."""
    return platform.freedesktop_os_release().get("VERSION_CODENAME", "")


def unpack(packages: Sequence[str], into: Path, suite: str = "") -> None:
    """Download `packages`, each as name:architecture, and unpack them all into one folder.

    A metapackage stands for the first package it depends on: linux-image-cloud-amd64 for the newest such kernel.

    :param suite: the release of Debian that they are of; this machine's own without it
    :raises SuiteNotHere: the mirror that apt uses here does not have that
    """
    if suite == codename():
        suite = ""
    state = CACHE / (f"apt-{suite}" if suite else "apt")
    state.mkdir(parents=True, exist_ok=True)
    with (state / "lock").open("w") as lock:  # tests run side by side, and apt would not wait for itself
        fcntl.flock(lock, fcntl.LOCK_EX)
        _unpack(packages, into, state, suite)


def of_suite(package: str, suite: str) -> Path:
    """The folder that `package` of another release is unpacked in, downloaded on first use.

    :raises SuiteNotHere: as :func:`unpack`
    """
    folder = CACHE / suite / package.partition(":")[0]
    done = folder / "unpacked"
    if not done.exists():
        folder.mkdir(parents=True, exist_ok=True)
        unpack([package], folder, suite)
        done.touch()
    return folder


def _unpack(packages: Sequence[str], into: Path, state: Path, suite: str) -> None:
    downloads = state / "downloads"
    for folder in (state / "lists" / "partial", state / "cache" / "archives" / "partial", downloads):
        folder.mkdir(parents=True, exist_ok=True)
    if suite and not (state / "sources.list").exists():
        (state / "sources.list").write_text(_sources(suite))
    # One index that its mirror is just replacing must not stop us: what matters is whether the packages then come.
    updated = _apt("apt-get", state, "update", "--quiet=2", check=False)
    if suite and "does not have a Release file" in updated.stdout + updated.stderr:
        (state / "sources.list").unlink()
        raise SuiteNotHere(f"the mirror that apt uses here has no Debian {suite}")
    names = [_behind_metapackage(state, package) for package in packages]
    _apt("apt-get", state, "download", "--quiet=2", *names, cwd=downloads)
    for name in names:
        bare, _, architecture = name.partition(":")
        newest = max(downloads.glob(f"{bare}_*_{architecture}.deb"), key=lambda deb: deb.stat().st_mtime)
        subprocess.run(["dpkg-deb", "--extract", newest, into], check=True)


def _sources(suite: str) -> str:
    """The line by which apt gets another release from the mirror of its own."""
    fields = "$(REPO_URI)|$(CODENAME)|$(COMPONENT)|$(ORIGIN)"
    argv = ["apt-get", "indextargets", "--format", fields, "Created-By: Packages"]
    known = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split()
    mirrors = [uri for uri, *rest in (line.split("|") for line in known) if rest == [codename(), "main", "Debian"]]
    if not mirrors:
        raise SuiteNotHere(f"apt uses no mirror of Debian here, so there is none to ask for {suite}")
    signed = f"[signed-by={_KEYRING}] " if _KEYRING.exists() else ""
    return f"deb {signed}{mirrors[0]} {suite} main\n"


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
    of_another_release = state / "sources.list"
    options = [
        *((f"Dir::Etc::SourceList={of_another_release}",) if of_another_release.exists() else ()),
        *(("Dir::Etc::SourceParts=/dev/null",) if of_another_release.exists() else ()),
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
