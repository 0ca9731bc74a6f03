"""``python -m tests.page_pictures FOLDER``: pictures of the page, with machines in every state; a minute."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.browser import chromium
from tests.scene import play, scene

PICTURES = (
    ("page-desktop-light.png", "/", (1280, 860), False),
    ("page-desktop-dark.png", "/", (1280, 860), True),
    ("page-phone-light.png", "/", (360, 740), False),
    ("page-phone-dark.png", "/", (360, 740), True),
    ("machine-desktop-light.png", "/machines/52:54:00:7a:10:05", (1280, 860), False),
    ("machine-phone-dark.png", "/machines/52:54:00:7a:10:05", (360, 740), True),
)
SHOWN = ("page-desktop-light.png", "machine-phone-dark.png")
"""Those that the documentation shows, and that are written without ``all`` behind the folder."""
_BOOT = Path("/tmp/boot")
"""It stands in the pictures."""


def main() -> None:
    """Take them."""
    folder, wanted = Path(sys.argv[1]), [name for name, *_ in PICTURES] if "all" in sys.argv else SHOWN
    _BOOT.mkdir()
    try:
        with tempfile.TemporaryDirectory() as profile, scene(_BOOT) as stage, chromium(Path(profile)) as page:
            play(stage)
            for name, path, size, dark in PICTURES:
                if name in wanted:
                    page.look(*size, dark)
                    page.open(f"{stage.url}{path}")
                    page.wait("document.getElementById('connection').textContent === 'live'")
                    time.sleep(1)
                    page.picture(folder / name)
    finally:
        shutil.rmtree(_BOOT)


if __name__ == "__main__":
    main()
