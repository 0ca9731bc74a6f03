"""What all distributions of this repository have in common: the one place where version and address are said.

``tools/write-metadata`` writes it into the files that need it; the scripts that build something read it here.
"""

from __future__ import annotations

VERSION = "0.2.0"
COMPATIBLE = ">=0.2,<0.3"
"""While the version begins with 0, hooks may change with the second number."""
REPOSITORY = "https://github.com/pixiecore-py/pixiecore"
"""Where the project lives; every other URL is made of it."""
