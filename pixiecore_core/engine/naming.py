"""Names the file that a client is offered: a loader or a unified kernel image by TFTP or HTTP, or the URL that leads
iPXE to its script.

Pure; whether the client is to be offered anything has been decided before.
"""

from __future__ import annotations

from dataclasses import dataclass

from pixiecore_core.boot.paths import ServerAddress, chain_path, efi_path, loader_path, unified_path
from pixiecore_core.boot.u_boot import u_boot_path
from pixiecore_core.boot.urls import UrlMaker
from pixiecore_core.engine.attempts import Attempt
from pixiecore_core.engine.first_step import FirstStep, FirstSteps
from pixiecore_core.engine.policy import Decision
from pixiecore_core.firmware.chains import folder_name
from pixiecore_core.models import Client, PxeRequest

_PI_FIRST = "bootcode.bin"
"""What a Pi 3 begins with; its ROM goes by its own names."""


@dataclass(frozen=True, slots=True)
class BootFileNames:
    """Names boot files.

    :param steps: says what kind of file it is
    :param urls: seals where a machine asked from into the URL of its script
    """

    steps: FirstSteps
    urls: UrlMaker

    def of(
        self,
        request: PxeRequest,
        server: ServerAddress,
        attempt: Attempt,
        decision: Decision | None = None,
        other_loader: bool = False,
    ) -> str:
        """The file that the client of *request* is to fetch from *server*.

        :param decision: what it boots
        :param other_loader: whether it is to be handed the other build of iPXE
        :raises ValueError: it is firmware that no boot file exists for
        """
        machine = request.machine
        if request.client is Client.IPXE:
            return self.urls.offered(server, machine, attempt.id, attempt.began)
        other = self.steps.other_loader(request) if other_loader else None
        path = self._path(request.model_copy(update={"loader": other.name}) if other else request, decision)
        return server.first_stage_url(path) if request.client is Client.HTTP_BOOT else path

    def _path(self, request: PxeRequest, decision: Decision | None) -> str:
        machine = request.machine
        step, stub = self.steps.of(request, decision), self.steps.stub_of(machine)
        if step is FirstStep.EFI:
            return efi_path(machine.mac)
        if step is FirstStep.UNIFIED and stub is not None:
            return unified_path(machine.mac, stub.name)
        if step is FirstStep.U_BOOT:
            return u_boot_path(machine.mac)
        if step is FirstStep.PI:
            return _PI_FIRST
        chain = self.steps.chain_of(machine)
        if step is FirstStep.CHAIN and chain is not None:
            signer = self.steps.loaders.chains.signer_for(chain, machine.mac)
            return chain_path(machine.mac, folder_name(chain.row, signer), chain.row.boot_file)
        loader = self.steps.loaders.table.loader(request.loader) if request.loader is not None else None
        if loader is None:
            raise ValueError(f"no boot file exists for {machine.architecture}")
        return loader_path(machine.mac, loader)
