"""What a stranger has who read only the tutorial: wheels, a fresh environment, and a plugin typed off the page.

Nothing here comes from the work tree but the wheels built of it: an editable install hides what a wheel forgot.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.net.storm import RELAY, SERVER, Ports
from tests.net.test_storm import free_port, wait_for_ports

ROOT = Path(__file__).parents[2]
_PIP = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")


@dataclass(frozen=True)
class Stranger:
    """A virtual environment, and a folder to work in."""

    python: Path
    folder: Path

    @classmethod
    def settle(cls, folder: Path) -> Stranger:
        """Build wheels of the core and the static booter, and install them and pytest into a new environment."""
        wheels, environment = folder / "wheels", folder / "venv"
        _run(sys.executable, ROOT / "tools" / "build-dists", wheels, ".", "plugins/static_booter")
        venv.create(environment)
        stranger = cls(environment / "bin" / "python", folder)
        # What is never imported need not be compiled.
        stranger.pip("install", "--no-compile", "-c", ROOT / "constraints.txt", *sorted(wheels.glob("*.whl")), "pytest")
        return stranger

    def pip(self, *arguments: str | Path, status: int = 0) -> str:
        """Run pip for the environment; what it says."""
        return _run(*_PIP, "--python", self.python, *arguments, cwd=self.folder, status=status)

    def wheel(self, project: Path) -> Path:
        """The wheel of the *project* in this folder."""
        _run(*_PIP, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", project, project, cwd=self.folder)
        (wheel,) = project.glob("*.whl")
        return wheel

    def run(self, *arguments: str | Path, cwd: Path | None = None, status: int = 0) -> str:
        """Run Python with *arguments* somewhere that is not the work tree; what it says."""
        return _run(self.python, *arguments, cwd=cwd or self.folder, status=status)

    @contextmanager
    def server(self, log: Path, *options: str, module: Path | None = None) -> Iterator[Ports]:
        """`pixiecore boot` on loopback; its ports.

        :param module: a folder with modules that take the place of installed ones
        """
        files = {name: self.folder / name for name in ("vmlinuz", "undionly.kpxe", "snponly.efi")}
        for name, file in files.items():
            file.write_bytes((_EFI_HEAD if name.endswith(".efi") else b"") + bytes(5000))
        command: list[str | Path] = [self.python.with_name("pixiecore"), "boot", files["vmlinuz"], "--cmdline=quiet"]
        command.append("--no-history")  # each server begins anew
        command += [f"--trust-relay={RELAY}"]
        command += [f"--ipxe-bios={files['undionly.kpxe']}", f"--ipxe-efi64={files['snponly.efi']}"]
        command += [
            f"--{name}={SERVER}:{free_port() if name == 'dhcp' else 0}" for name in ("dhcp", "pxe", "tftp", "http")
        ]
        environment = _environment(self.folder) | ({"PYTHONPATH": str(module)} if module else {})
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*command, *options], stdout=output, stderr=subprocess.STDOUT, cwd=self.folder, env=environment
            )
        try:
            yield wait_for_ports(process, log)
        finally:
            process.terminate()
            process.wait(10)


_EFI_HEAD = b"MZ" + bytes(58) + (64).to_bytes(4, "little") + b"PE\0\0" + (0x8664).to_bytes(2, "little")


def _environment(home: Path) -> dict[str, str]:
    """Nothing of ours: no settings, no state, no modules of the work tree."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIXIECORE_", "PYTHON", "XDG_"))}
    # The home stays, for pip's cache is there, or every run would download everything.
    return kept | {f"XDG_{kind}_HOME": str(home / kind.lower()) for kind in ("STATE", "DATA")}


def _run(*command: str | Path, cwd: Path | None = None, status: int = 0) -> str:
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=False, env=_environment(cwd or ROOT))
    said = done.stdout + done.stderr
    assert done.returncode == status, said
    return said


def lines_with(log: Path, words: str) -> list[str]:
    """The lines of a server's log that hold *words*."""
    return [line for line in log.read_text(encoding="utf-8").splitlines() if words in line]


def counted(metrics: str, name: str, **labels: str) -> float:
    """A count in the Prometheus text format; 0 where there is none."""
    pattern = ",".join(f'{key}="{re.escape(value)}"' for key, value in sorted(labels.items()))
    found = re.search(rf"^{name}\{{{pattern}\}} (\S+)$", metrics, re.MULTILINE)
    return float(found[1]) if found else 0.0
