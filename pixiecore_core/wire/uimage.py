"""U-Boot's legacy image with a script in it: a header of 64 bytes and the text (include/image.h, legacy_img_hdr).

Builds bytes; knows nothing of what the script does.
"""

from __future__ import annotations

import struct
from zlib import crc32

_MAGIC = 0x27051956
_LINUX, _ARM64, _SCRIPT, _PLAIN = 5, 22, 6, 0
"""Operating system and processor, which nobody looks at in a script; the type; no compression."""
_NAME = b"Pixiecore"


def script_image(text: str) -> bytes:
    """The image of a script, the same each time."""
    script = text.encode()
    data = struct.pack(">2I", len(script), 0) + script  # the sizes of its files, of which a script has one
    kind = bytes([_LINUX, _ARM64, _SCRIPT, _PLAIN])
    rest = struct.pack(">5I", 0, len(data), 0, 0, crc32(data)) + kind + _NAME.ljust(32, b"\0")
    checksum = crc32(struct.pack(">2I", _MAGIC, 0) + rest)
    return struct.pack(">2I", _MAGIC, checksum) + rest + data
