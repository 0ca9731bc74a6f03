"""Where a boot's logs and capture lie: one folder per boot, outside git, kept when the boot fails."""

from __future__ import annotations

import os
import time
from pathlib import Path

from .packages import REPOSITORY


def new_folder(name: str) -> Path:
    """lab-artefacts/NAME-TIME-PROCESS, empty; tests of one name may begin side by side."""
    plain = "".join(letter if letter.isalnum() else "-" for letter in name).strip("-")
    folder = REPOSITORY / "lab-artefacts" / f"{plain}-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
    folder.mkdir(parents=True)
    return folder
