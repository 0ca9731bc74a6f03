"""Opens the file that firmware starts by itself: asks what the machine boots, and joins stub, kernel, initrds and
command line, or takes the EFI program that is named in their place.

The same order of questions as for a script. Reads through the files that a policy opens, and holds none in memory.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import sha256

from pixiecore_core.boot.identify import Neighbours
from pixiecore_core.boot.paths import ServerAddress
from pixiecore_core.boot.uki import Part, kernel_machine, unify
from pixiecore_core.boot.urls import UrlMaker
from pixiecore_core.engine.claiming import claimed, spec_of
from pixiecore_core.engine.deciding import Decider
from pixiecore_core.engine.joining import Joined
from pixiecore_core.engine.opening import opened
from pixiecore_core.engine.policy import Policy, PolicyFailed
from pixiecore_core.errors import (
    BootFileError,
    BootFileNotFound,
    CmdlineError,
    PluginError,
    WireError,
)
from pixiecore_core.firmware.rows import Stub
from pixiecore_core.models import BootFile, BootSpec, FileRef, Machine, UrlFor
from pixiecore_core.wire.pe import HEADER_BYTES

_OS_RELEASE = "ID=pixiecore\nNAME=Pixiecore\nPRETTY_NAME=Pixiecore\n"
"""What boot loaders and ``bootctl`` show of the file."""
_MOST_STUB_BYTES = 4 << 20
_STEADY_SECONDS = 300
"""URLs that end with time end at multiples of so many, so that a file is the same when its size is asked for and when
it is fetched (decision 0015)."""
Sign = Callable[[BootFile], BootFile]
"""Gives a file, which it closes, a signature. Raises BootFileError."""


@dataclass(frozen=True, slots=True)
class Unifier:
    """Opens what firmware starts by itself.

    :param policy: opens files, renders the command line
    :param decider: says what a machine boots
    :param urls: for what the command line names
    :param neighbours: the hardware addresses of a client on a link of ours; where it knows one, only that is served
    """

    policy: Policy
    decider: Decider
    urls: UrlMaker
    neighbours: Neighbours | None = None
    clock: Callable[[], float] = time.time
    sign: Sign | None = None
    """For machines with Secure Boot."""

    def open(self, mac: str, stub_name: str, server: ServerAddress, client: str) -> BootFile:
        """The image that a machine starts.

        :param stub_name: which stub, by its name in the table of firmware
        :param server: where the machine reaches us
        :param client: the address that asks
        :raises BootFileNotFound: it is not to boot, or nothing can be made for it
        :raises BootFileError: a part of it is not to be had
        """
        found = self.decider.loaders
        stub = found.table.stub(stub_name)
        if stub is None or stub_name not in found.stubs:
            raise BootFileNotFound(f"no EFI stub for {stub_name} is here; see: pixiecore firmware")
        machine = claimed(self.decider, self.neighbours, mac, client)
        now = -(-self.clock() // _STEADY_SECONDS) * _STEADY_SECONDS
        image = self._join(machine, spec_of(self.decider, machine), stub, self.urls.of(server, mac, now))
        return self.sign(image) if self.sign is not None else image

    def open_efi(self, mac: str, server: ServerAddress, client: str) -> BootFile:
        """The EFI program that a machine starts, as it is.

        :raises BootFileNotFound: it is not to boot, or is to boot something else
        :raises BootFileError: the file is not to be had
        """
        machine = claimed(self.decider, self.neighbours, mac, client)
        spec = spec_of(self.decider, machine)
        if spec.efi is None:
            raise BootFileNotFound("there is no EFI program to start")
        return opened(self.policy, spec.efi, mac, self.urls.of(server, mac, self.clock()))

    def _join(self, machine: Machine, spec: BootSpec, stub: Stub, urls: UrlFor) -> BootFile:
        if spec.kernel is None:
            raise BootFileNotFound("there is no kernel to start without iPXE")
        try:
            cmdline = self.policy.render_cmdline(machine, spec, urls)
        except (PluginError, CmdlineError) as error:
            raise BootFileError(PolicyFailed(error).words) from error
        with ExitStack() as to_close:

            def open_file(ref: FileRef) -> BootFile:
                file = opened(self.policy, ref, machine.mac, urls)
                to_close.callback(file.source.close)
                return file

            stub_file = open_file(FileRef(location=str(self.decider.loaders.stubs[stub.name])))
            kernel, *initrds = map(open_file, (spec.kernel, *spec.initrds))
            self._check(kernel, stub)
            files = {str(number): file for number, file in enumerate((kernel, *initrds))}
            first, *others = (Part(name, file.size) for name, file in files.items())
            try:
                image = unify(_whole(stub_file), first, others, cmdline, _OS_RELEASE)
            except WireError as error:
                raise BootFileError(f"{self.decider.loaders.stubs[stub.name]}: {error}") from error
            source = Joined([files[one.name] if isinstance(one, Part) else one for one in image.pieces])
            stamp = sha256(b"".join(one for one in image.pieces if isinstance(one, bytes)))
            stamp.update("".join(f"{file.etag}{file.size} " for file in files.values()).encode())
            to_close.pop_all()
            stub_file.source.close()
            # Of a part that promises nothing, the whole can promise nothing.
            etag = f'"{stamp.hexdigest()[:32]}"' if all(file.etag for file in files.values()) else ""
            return BootFile(name="linux.efi", size=source.size, etag=etag, source=source)

    def _check(self, kernel: BootFile, stub: Stub) -> None:
        """:raises BootFileError: firmware cannot start this kernel"""
        try:
            machine = kernel_machine(_head(kernel, HEADER_BYTES))
        except WireError as error:
            raise BootFileError(f"{kernel.name}: {error}") from error
        if machine not in stub.kernels:
            raise BootFileError(f"{kernel.name}: the kernel is for another processor than {stub.name}")


def _head(file: BootFile, length: int) -> bytes:
    data = b""
    while len(data) < min(length, file.size) and (more := file.source.read_at(len(data), length - len(data))):
        data += more
    return data


def _whole(file: BootFile) -> bytes:
    if file.size > _MOST_STUB_BYTES:
        raise WireError(f"no EFI stub is as large as {file.size:,} bytes")
    return _head(file, file.size)
