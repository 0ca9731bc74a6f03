"""Decides whether a machine boots: the one order of questions, for the server, the dry run and the kit.

Raises nothing: what a plugin breaks is a value. Asks a policy and remembers the attempt; sends nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from pixiecore_core.engine.attempts import Attempt, Attempts, question_of
from pixiecore_core.engine.first_step import (
    FirstStep,
    FirstSteps,
    Mode,
    cannot_be_chained,
    cannot_be_u_booted,
    cannot_be_unified,
)
from pixiecore_core.engine.going_local import cannot_go, left
from pixiecore_core.engine.policy import Decision, Policy, PolicyFailed
from pixiecore_core.errors import PluginError
from pixiecore_core.firmware.finding import FoundLoaders
from pixiecore_core.firmware.rows import FirmwareFamily, Loader
from pixiecore_core.models import BootSpec, Client, Hold, Ignore, LocalDisk, Machine, PxeRequest

LATE_SECONDS = 1.0
"""iPXE waits for offers about 2 s in all (dhcp.c): a decision that took longer may well have missed its request."""


class Decider:
    """Asks what a machine boots.

    :param policy: answers
    :param loaders: the table of firmware, and which loaders this system has
    :param attempts: remembers each machine
    :param clock: seconds, monotonic
    :param uefi_direct: when UEFI is handed a unified kernel image
    :param pi_firmware: whether there is firmware for Raspberry Pis
    :param signs: whether what UEFI starts is signed by a key of our own
    """

    def __init__(
        self,
        policy: Policy,
        loaders: FoundLoaders,
        attempts: Attempts,
        clock: Callable[[], float] = time.monotonic,
        uefi_direct: Mode = "auto",
        pi_firmware: bool = False,
        signs: bool = False,
    ) -> None:
        self.loaders = loaders
        self.first_steps = FirstSteps(loaders, uefi_direct, pi_firmware, signs)
        self.attempts = attempts
        self._policy = policy
        self._clock = clock

    def loader_for(self, request: PxeRequest) -> Loader | None:
        """The first-stage file that a request needs; ``None`` where we know of none."""
        return self.loaders.table.loader(request.loader) if request.loader is not None else None

    def decide(self, request: PxeRequest) -> Decision:
        """What a machine that asks by DHCP or on 4011 is to get."""
        step = self.first_steps.of(request)
        cannot = self._cannot_start(request) if step is None else None
        # Without iPXE and without a stub, UEFI can still start an EFI program, if that is what it boots.
        if cannot is not None and not self.first_steps.may_be_direct(request.machine):
            return cannot
        veto = self._policy.on_pxe_request(request)
        if veto is not None:
            return veto
        machine = request.machine
        if self.first_steps.is_without_ipxe(machine, step):
            machine = machine.model_copy(update={"without_ipxe": True})
        decision = self.decide_script(machine)
        if isinstance(decision, LocalDisk):
            return self._to_disk(request, decision)
        if not isinstance(decision, (BootSpec, Hold)):
            return decision
        step = self.first_steps.of(request, decision)
        if step is FirstStep.U_BOOT:
            return cannot_be_u_booted(decision) or decision
        if step is FirstStep.UNIFIED:
            return cannot_be_unified(decision) or decision
        chain = self.first_steps.chain_of(request.machine)
        if step is FirstStep.CHAIN and chain is not None:
            return cannot_be_chained(decision, chain) or decision
        return decision if step is not None or cannot is None else cannot

    def decide_in_time(self, request: PxeRequest, attempt: Attempt) -> Decision:
        """The same for a request that a client waits on: the decision from the last one, if that came too late."""
        question = question_of(request)
        kept = self.attempts.take_late(attempt, question)
        if kept is not None:
            return kept
        started = self._clock()
        decision = self.decide(request)
        if self._clock() - started > LATE_SECONDS and not isinstance(decision, PolicyFailed):
            self.attempts.keep_late(attempt, question, decision)
        return decision

    def decide_script(self, machine: Machine) -> Decision:
        """What a machine that asks for its script boots."""
        try:
            decision = self._policy.select_boot(machine)
        except PluginError as error:
            return PolicyFailed(error)
        is_bios = machine.architecture is not None and machine.architecture.family is FirmwareFamily.BIOS
        if isinstance(decision, BootSpec) and decision.efi is not None and is_bios:
            return Ignore(reason="it is told to boot an EFI program, which BIOS cannot start")
        return decision

    def _to_disk(self, request: PxeRequest, decision: LocalDisk) -> LocalDisk | Ignore:
        """The decision, where it can be carried out."""
        step, chain = self.first_steps.of(request, decision), self.first_steps.chain_of(request.machine)
        if step is FirstStep.CHAIN and chain is not None:
            # Microsoft signs iPXE from 2.0 on, and that can.
            return decision if chain.row.kind == "ipxe" else left(decision, "no way there from a signed GRUB is known")
        if self.first_steps.is_signed(request.machine):
            why = "only iPXE knows the way there, and none here is signed by the key of --secureboot-key"
            return left(decision, why)
        refusal = self._no_loader(request) if step is None else None
        ours = not self._policy.provides_bootloaders()
        return refusal or cannot_go(request, decision, self.loaders, ours) or decision

    def _cannot_start(self, request: PxeRequest) -> Ignore | None:
        """Why a client that has no first step cannot start; ``None`` where only its boot can tell."""
        if self.first_steps.chain_of(request.machine) is not None and request.client is Client.HTTP_BOOT:
            return Ignore(reason="it asks for HTTP Boot, and the signed GRUB cannot fetch by HTTP (--secureboot-grub)")
        return self._no_loader(request)

    def _no_loader(self, request: PxeRequest) -> Ignore | None:
        """Why there is no iPXE for the machine, if there is none."""
        architecture = request.machine.architecture
        if architecture is not None and architecture.family is FirmwareFamily.RPIBOOT:
            return Ignore(reason="its ROM fetches firmware, and there is none for Raspberry Pis here: --pi-firmware")
        loader = self.loader_for(request)
        if loader is None:
            return Ignore(reason=f"no boot file exists for {request.machine.architecture}")
        if not self._policy.provides_bootloaders():
            how = self.loaders.how_to_get(loader)
            stub = self.first_steps.missing_stub(request.machine)
            instead = f"; or do without iPXE: {self.loaders.in_short(stub)}" if stub is not None else ""
            return Ignore(reason=f"no iPXE for this firmware is installed here: {how}{instead}")
        return None
