"""The programs that can sign an EFI program, as rows of a table, and how one is run.

Runs a program beside the event loop and waits for it; knows nothing about caches or machines.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from signal import SIGKILL

from gevent import subprocess

from pixiecore_core.errors import BootFileError
from pixiecore_core.files.signing_key import SigningKey, in_memory

_SECONDS = "1767225600"
"""The start of 2026: a time that never changes gives the same signature each time. No firmware looks at it; EDK2 knows
only the time of a countersignature, which there is none of (SecurityPkg, DxeImageVerificationLib)."""
_PATIENCE = 60.0
"""Seconds; 38 MB take 0.15 s."""


@dataclass(frozen=True, slots=True)
class Signer:
    """A program that signs."""

    program: str
    arguments: str
    """With ``{key}``, ``{certificate}``, ``{input}`` and ``{output}`` in the places of files."""
    reproducible: bool
    """Whether the same file gets the same signature each time."""
    source: str
    """Where this is known from."""


SIGNERS = (
    Signer(
        "osslsigncode",
        f"sign -h sha256 -st {_SECONDS} -key {{key}} -certs {{certificate}} -in {{input}} -out {{output}}",
        reproducible=True,
        source="2.5 and 2.9 of Debian 12: -st sets the time, and the file must be a new one",
    ),
    Signer(
        "sbsign",
        "--key {key} --cert {certificate} --output {output} {input}",
        reproducible=False,
        source="0.9.4 of Debian 12: the time of signing is part of the signature, and nothing sets it",
    ),
)
"""The best first."""
HOW_TO_GET = "apt-get install osslsigncode, or sbsigntool for sbsign; Fedora: dnf install osslsigncode or sbsigntools"


def installed(signers: Sequence[Signer] = SIGNERS) -> list[Signer]:
    """Those that are here, the best first."""
    return [signer for signer in signers if shutil.which(signer.program) is not None]


def run(signer: Signer, key: SigningKey, source: int, folder: int, name: str) -> None:
    """Sign a file into a new one.

    :param source: a descriptor of the file
    :param folder: a descriptor of the folder that the new one comes into
    :param name: of the new one, which must not exist
    :raises BootFileError: the program fails, or takes too long
    """
    with in_memory(key.key, key.certificate) as (key_file, certificate_file):
        # By descriptors: what was checked is what is signed, and the key needs no name that another user could open.
        places = {
            "key": f"/proc/self/fd/{key_file}",
            "certificate": f"/proc/self/fd/{certificate_file}",
            "input": f"/proc/self/fd/{source}",
            "output": f"/proc/self/fd/{folder}/{name}",
        }
        argv = [signer.program, *(argument.format_map(places) for argument in signer.arguments.split())]
        try:
            process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=(key_file, certificate_file, source, folder),
                env=os.environ | {"LC_ALL": "C"},
                start_new_session=True,
            )
        except OSError as error:
            raise BootFileError(f"{signer.program} cannot be started: {error.strerror}") from error
        with process:
            try:
                output, _ = process.communicate(timeout=_PATIENCE)
            except subprocess.TimeoutExpired as error:
                os.killpg(process.pid, SIGKILL)  # with what it has started, which may hold our pipe
                process.communicate()
                raise BootFileError(f"{signer.program} did not end within {_PATIENCE:g} s") from error
    if process.returncode != 0:
        said = output.decode(errors="replace").replace("/proc/self/fd/", "file ").split("\n")
        words = "; ".join(line.strip() for line in said if line.strip())[-300:]
        raise BootFileError(f"{signer.program} ended with status {process.returncode}: {words or 'it said nothing'}")


def folder_of(path: Path) -> int:
    """A descriptor of the folder that a file is in, for :func:`run`; the caller's to close."""
    return os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
