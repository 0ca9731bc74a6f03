"""A self-contained environment for /usr/lib/pixiecore, made of wheels: for the Debian package and the image.

It is for the Python of the system that it is put into, not for the one that runs this. Compiles nothing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.metadata import VERSION

ROOT = Path(__file__).resolve().parents[1]
PYTHON = ROOT / ".venv/bin/python"
HOME = Path("usr/lib/pixiecore")
"""Where it is, below the root of the system."""
_PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_26_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")


def make_environment(tree: Path, python: str) -> None:
    """Put it into a tree that is, or becomes part of, the root of a system.

    :param python: the system's, such as ``3.13``
    """
    home = tree / HOME
    site = home / f"lib/python{python}/site-packages"
    site.mkdir(parents=True)
    (home / "bin").mkdir()
    (home / "bin/python3").symlink_to(f"../../../bin/python{python}")
    (home / "bin/python").symlink_to("python3")
    (home / "pyvenv.cfg").write_text(f"home = /usr/bin\ninclude-system-site-packages = false\nversion = {python}\n")
    platforms = [word for platform in _PLATFORMS for word in ("--platform", platform)]
    abis = [word for abi in (f"cp{python.replace('.', '')}", "abi3", "none") for word in ("--abi", abi)]
    pip = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile", "--target", site]
    pip += ["--only-binary=:all:", "--implementation", "cp", "--python-version", python, *platforms, *abis]
    with tempfile.TemporaryDirectory() as dists:
        run(PYTHON, ROOT / "tools/build-dists", dists)
        run(*pip, "-c", ROOT / "constraints.txt", "--find-links", dists, f"pixiecore-core[all]=={VERSION}")
    for folder in (site / "bin", site / "include", *site.glob("*/tests")):
        shutil.rmtree(folder, ignore_errors=True)
    for found in site.glob("*.dist-info/*"):
        if found.name in ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json"):
            found.unlink()  # what is there is the package's or the image's to know
    libraries = [path for path in site.rglob("*.so*") if path.is_file()]
    run("strip", "--strip-unneeded", *libraries)
    for library in libraries:
        library.chmod(0o644)
    script = home / "bin/pixiecore"
    script.write_text(f"#!/{HOME}/bin/python3\nfrom pixiecore_core.__main__ import main\n\nmain()\n")
    script.chmod(0o755)
    (tree / "usr/bin").mkdir(exist_ok=True)
    (tree / "usr/bin/pixiecore").symlink_to("../lib/pixiecore/bin/pixiecore")


def epoch() -> str:
    """The time that all files get, in seconds since 1970: the commit's, unless the environment names another."""
    if "SOURCE_DATE_EPOCH" in os.environ:
        return os.environ["SOURCE_DATE_EPOCH"]
    if not (ROOT / ".git").exists():  # an unpacked source distribution, whose files have that time
        return str(int((ROOT / "PKG-INFO").stat().st_mtime))
    return run("git", "-C", ROOT, "log", "-1", "--format=%ct").strip()


def run(*command: object, env: dict[str, str] | None = None, cwd: Path | None = None) -> str:
    """What a command prints; if it fails, so do we."""
    done = subprocess.run(
        [str(word) for word in command],
        env=os.environ | (env or {}),
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout
