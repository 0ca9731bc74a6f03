"""Keys and certificates made for tests by the program ``openssl``, each in a PEM file."""

from __future__ import annotations

import subprocess
from pathlib import Path


def pair(folder: Path, name: str = "own") -> tuple[Path, Path]:
    """A new private key, and a certificate that it has signed itself."""
    key, certificate = folder / f"{name}.key", folder / f"{name}.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    key.chmod(0o600)
    return key, certificate


def with_pass_phrase(key: Path, words: str = "secret") -> Path:
    """The same key in a file that only opens to *words*."""
    locked = key.with_name("locked.key")
    subprocess.run(
        ["openssl", "pkey", "-in", key, "-aes256", "-passout", f"pass:{words}", "-out", locked],
        check=True,
        capture_output=True,
    )
    locked.chmod(0o600)
    return locked
