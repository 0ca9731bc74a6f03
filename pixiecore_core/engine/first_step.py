"""What a client is handed first: the script's URL, iPXE, or one EFI file that firmware starts by itself.

Pure; knows which files this system has, asks nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Literal

from pixiecore_core.engine.policy import Decision
from pixiecore_core.firmware.chains import FoundChain
from pixiecore_core.firmware.finding import FoundLoaders
from pixiecore_core.firmware.rows import FirmwareFamily, Loader, Stub
from pixiecore_core.models import BootSpec, Client, Hold, Ignore, LocalDisk, Machine, PxeRequest

Mode = Literal["auto", "always", "never"]
"""When UEFI is handed a unified kernel image: where there is no iPXE for it, wherever one can be made, or never."""


class FirstStep(Enum):
    """What comes first."""

    SCRIPT = auto()
    """The URL that leads iPXE to its script."""
    LOADER = auto()
    """iPXE."""
    UNIFIED = auto()
    """A unified kernel image, made for the machine."""
    EFI = auto()
    """The EFI program that the machine is to start."""
    CHAIN = auto()
    """A shim, signed by Microsoft, and behind it iPXE or GRUB."""
    U_BOOT = auto()
    """U-Boot's own way: a configuration that names kernel, initrd and device tree."""
    PI = auto()
    """The firmware of a Raspberry Pi, which its ROM fetches and which asks anew."""


@dataclass(frozen=True, slots=True)
class FirstSteps:
    """Says what comes first.

    :param loaders: which files this system has
    :param mode: when a unified kernel image takes iPXE's place
    """

    loaders: FoundLoaders
    mode: Mode = "auto"
    pi_firmware: bool = False
    """Whether there is firmware for Raspberry Pis."""
    signs: bool = False
    """Whether what UEFI starts is signed by a key of our own, which no iPXE here is."""

    def of(self, request: PxeRequest, decision: Decision | None = None) -> FirstStep | None:
        """The first step of a client; ``None`` where there is nothing for it.

        :param decision: what it boots, where that is known
        """
        if request.client is Client.IPXE:
            return FirstStep.SCRIPT
        if self.may_be_direct(request.machine) and isinstance(decision, BootSpec) and decision.efi is not None:
            return FirstStep.EFI
        own = self._own_way(request)
        if own is not None:
            return own
        chain = self.chain_of(request.machine)
        if chain is not None and self.mode != "always":
            # The signed GRUB of distributions cannot fetch by HTTP.
            by_http = request.client is Client.HTTP_BOOT and chain.row.kind == "grub"
            return None if by_http else FirstStep.CHAIN
        has_loader = request.loader is not None and request.loader in self.loaders.paths
        if isinstance(decision, LocalDisk):
            return FirstStep.LOADER if has_loader else None  # only iPXE can send it on
        if self.mode != "never" and (self.mode == "always" or not has_loader) and self.stub_of(request.machine):
            return FirstStep.UNIFIED
        return FirstStep.LOADER if has_loader else None

    def is_without_ipxe(self, machine: Machine, step: FirstStep | None) -> bool:
        """Whether a machine whose first step is *step* comes to its kernel without iPXE."""
        chain = self.chain_of(machine)
        by_grub = step is FirstStep.CHAIN and chain is not None and chain.row.kind == "grub"
        return by_grub or step in (FirstStep.UNIFIED, FirstStep.U_BOOT)

    def is_signed(self, machine: Machine) -> bool:
        """Whether a machine's firmware is taken to start only what we sign."""
        architecture = machine.architecture
        return self.signs and architecture is not None and architecture.family is FirmwareFamily.UEFI

    def _own_way(self, request: PxeRequest) -> FirstStep | None:
        architecture = request.machine.architecture
        if architecture is None or request.client is not Client.PXE:
            return None
        if architecture.family is FirmwareFamily.RPIBOOT:
            return FirstStep.PI if self.pi_firmware else None
        return FirstStep.U_BOOT if architecture.family is FirmwareFamily.U_BOOT else None

    def chain_of(self, machine: Machine) -> FoundChain | None:
        """The signed loaders for a machine's firmware, if there are any."""
        architecture = machine.architecture
        if not self.loaders.chains.chains or architecture is None or architecture.family is not FirmwareFamily.UEFI:
            return None
        return self.loaders.chains.chains.get(architecture.cpu)

    def may_be_direct(self, machine: Machine) -> bool:
        """Whether a machine's firmware may be handed an EFI program that is not iPXE."""
        if machine.architecture is None or self.mode == "never":
            return False
        row = self.loaders.table.row(machine.architecture.code)
        return row is not None and row.family is FirmwareFamily.UEFI and bool(row.loader or row.stub)

    def other_loader(self, request: PxeRequest) -> Loader | None:
        """Another build of iPXE for a client that is handed one, if it is here and is another file."""
        architecture, paths = request.machine.architecture, self.loaders.paths
        other = self.loaders.table.other_loader_for(architecture) if architecture is not None else None
        if other is None or request.loader is None or self.of(request) is not FirstStep.LOADER:
            return None
        return other if other.name in paths and paths[other.name] != paths[request.loader] else None

    def missing_stub(self, machine: Machine) -> Stub | None:
        """A stub that would start a machine without iPXE, and is not here."""
        if self.mode == "never" or machine.architecture is None or self.stub_of(machine) is not None:
            return None
        return self.loaders.table.stub_for(machine.architecture)

    def stub_of(self, machine: Machine) -> Stub | None:
        """The stub for a machine's firmware, if it is here."""
        stub = self.loaders.table.stub_for(machine.architecture) if machine.architecture is not None else None
        return stub if stub is not None and stub.name in self.loaders.stubs else None


def cannot_be_u_booted(decision: BootSpec | Hold) -> Ignore | None:
    """Why U-Boot cannot carry a decision out, if it cannot: it starts kernels, and does not wait."""
    if isinstance(decision, Hold):
        return Ignore(reason=f"it would have to wait, which U-Boot cannot: {decision.reason}", told=decision.told)
    if decision.kernel is None:
        return Ignore(reason="U-Boot starts a kernel, and it is to boot a script of iPXE's or an EFI program")
    return None


def cannot_be_unified(decision: BootSpec | Hold) -> Ignore | None:
    """Why a decision cannot be carried out by a unified kernel image, if it cannot: firmware runs no script."""
    if isinstance(decision, Hold):
        # Not offered anything, the firmware asks again after some seconds.
        return Ignore(reason=f"it would have to wait, which only iPXE can: {decision.reason}", told=decision.told)
    if decision.ipxe_script is not None:
        return Ignore(reason="its script is for iPXE, and there is none for its firmware (--uefi-direct)")
    return None


def cannot_be_chained(decision: BootSpec | Hold, chain: FoundChain) -> Ignore | None:
    """Why a decision cannot be carried out by what a shim starts, if it cannot."""
    if chain.row.kind == "grub" and isinstance(decision, BootSpec) and decision.ipxe_script is not None:
        return Ignore(reason="its script is for iPXE, and its firmware gets GRUB (--secureboot-grub)")
    return None
