"""What the lab boots: for each processor a real Debian kernel, and an initramfs of busybox, drivers and init.sh.

`payload(architecture)` builds into the cache folder once, and again only when something it is made of changes. Two
processes may ask at the same time. systemd's EFI stub comes along, for UEFI that is to do without iPXE.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import lzma
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from .packages import CACHE, debian_release, unpack

MARKER = "LAB done"
"""The last line that the booted Linux prints."""

_HERE = Path(__file__).resolve().parent


_PROCESSORS = {"amd64": "x86_64", "i386": "i686", "arm64": "aarch64"}
"""What Linux calls the processors of Debian's architectures."""


@dataclass(frozen=True)
class Recipe:
    """The packages a payload is made of, and the kernel modules it loads; what those depend on comes along."""

    packages: tuple[str, ...]
    modules: tuple[str, ...]

    @property
    def processor(self) -> str:
        """What the booted Linux says that it runs on."""
        return _PROCESSORS[self.packages[0].partition(":")[2]]


RECIPES = {
    # The cloud kernel boots seconds faster than the full one, and drives virtio only.
    "x86_64": Recipe(
        packages=("linux-image-cloud-amd64:amd64", "busybox-static:amd64", "systemd-boot-efi:amd64"),
        modules=("virtio_pci", "virtio_net", "efivarfs"),
    ),
    "i386": Recipe(
        packages=("linux-image-686:i386", "busybox-static:i386", "systemd-boot-efi:i386"),
        modules=("virtio_pci", "virtio_net", "e1000", "8139cp"),
    ),
    "arm64": Recipe(
        packages=("linux-image-cloud-arm64:arm64", "busybox-static:arm64", "systemd-boot-efi:arm64"),
        modules=("virtio_pci", "virtio_net"),
    ),
}
# Debian 13 has no 32-bit kernel any more. Its 64-bit one starts from 32-bit UEFI too (EFI_MIXED), on 64-bit processors.
if debian_release() >= 13:
    RECIPES["i386"] = replace(
        RECIPES["i386"], packages=("linux-image-amd64:amd64", "busybox-static:amd64", "systemd-boot-efi:i386")
    )


@dataclass(frozen=True)
class Payload:
    kernel: Path
    initrd: Path
    efi_stub: Path
    """systemd's EFI stub: for x64 or ARM64, or of the i386 payload for ia32."""


def payload(architecture: str) -> Payload:
    """The payload for x86_64, i386 or arm64, built on first use."""
    folder = CACHE / architecture
    folder.mkdir(parents=True, exist_ok=True)
    result = Payload(folder / "vmlinuz", folder / "initrd.cpio", folder / "stub.efi")
    recipe = RECIPES[architecture]
    stamp = folder / "made-of"
    inputs = _fingerprint(recipe)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != inputs:
            _build(recipe, folder, result)
            stamp.write_text(inputs)
    return result


def _fingerprint(recipe: Recipe) -> str:
    sources = [_HERE / name for name in ("init.sh", "udhcpc.sh", "payload.py", "packages.py")]
    hashes = {source.name: hashlib.sha256(source.read_bytes()).hexdigest() for source in sources}
    return json.dumps({**hashes, "packages": recipe.packages, "modules": recipe.modules}, indent=1)


def _build(recipe: Recipe, folder: Path, result: Payload) -> None:
    root = folder / "root"
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    unpack(recipe.packages, root)
    (kernel,) = root.glob("boot/vmlinuz-*")
    shutil.copyfile(kernel, result.kernel)
    (stub,) = root.glob("usr/lib/systemd/boot/efi/linux*.efi.stub")
    shutil.copyfile(stub, result.efi_stub)

    files = {
        "init": (_HERE / "init.sh").read_bytes(),
        "udhcpc.sh": (_HERE / "udhcpc.sh").read_bytes(),
        "bin/busybox": _only(root, "bin/busybox").read_bytes(),
    }
    for position, module in enumerate(_load_order(root, recipe.modules)):
        files[f"modules/{position:02}-{module.stem.removesuffix('.ko')}.ko"] = _read_module(module)
    result.initrd.write_bytes(b"".join(_cpio(files)))
    shutil.rmtree(root)


def _load_order(root: Path, wanted: tuple[str, ...]) -> list[Path]:
    """The wanted modules and all they depend on, each after what it depends on."""
    # depmod, which would know, is not part of a minimal system; every module names its own needs in .modinfo.
    folder = _only(root, "lib/modules")
    modules = {path.name.partition(".")[0].replace("-", "_"): path for path in folder.glob("*/kernel/**/*.ko*")}
    order: list[Path] = []

    def visit(name: str) -> None:
        path = modules.get(name)
        if path is None or path in order:  # absent: built into the kernel
            return
        needs = _read_module(path).partition(b"\0depends=")[2].partition(b"\0")[0].decode()
        for need in filter(None, needs.split(",")):
            visit(need.replace("-", "_"))
        order.append(path)

    for name in wanted:
        visit(name)
    return order


def _only(root: Path, name: str) -> Path:
    """Where it is: Debian 13's packages have below /usr what older ones have at the top."""
    return next(path for path in (root / name, root / "usr" / name) if path.exists())


def _read_module(path: Path) -> bytes:
    content = path.read_bytes()
    return lzma.decompress(content) if path.suffix == ".xz" else content


def _cpio(files: dict[str, bytes]) -> Iterator[bytes]:
    """An initramfs in the kernel's "newc" format (Documentation/driver-api/early-userspace/buffer-format.rst)."""
    folders = ["bin", "dev", "modules", "proc", "sys"]
    entries = [(name, 0o040755, b"") for name in folders]
    entries += [(name, 0o100755, content) for name, content in files.items()]
    entries.append(("TRAILER!!!", 0, b""))
    for number, (name, mode, content) in enumerate(entries, start=1):
        fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
        header = b"070701" + b"".join(b"%08x" % field for field in fields) + name.encode() + b"\0"
        yield header + bytes(-len(header) % 4)
        yield content + bytes(-len(content) % 4)
