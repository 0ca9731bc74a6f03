"""What people and distributions call the processors for which iPXE has other names. Words only."""

from __future__ import annotations

from pixiecore_core.closest import no_such

_SPELLINGS = {
    "x86_64": ("amd64", "x64", "x86-64"),
    "i386": ("x86", "i586", "i686", "ia32"),
    "arm64": ("aarch64",),
    "arm32": ("arm", "armhf"),
    "riscv64": (),
    "loong64": ("loongarch64",),
}
PROCESSORS = tuple(_SPELLINGS)
"""As the table of firmware names them."""
_PROCESSORS = {spelling: name for name, others in _SPELLINGS.items() for spelling in (name, *others)}


def processor(text: str) -> str:
    """The name that the table of firmware has for a processor, however it is spelled: ``x86_64`` for ``amd64``.

    :raises ValueError: there is no such processor; the message names the closest one, or all
    """
    name = _PROCESSORS.get(text.strip().lower())
    if name is None:
        raise ValueError(no_such("architecture", text.strip().lower(), _PROCESSORS, _SPELLINGS))
    return name
