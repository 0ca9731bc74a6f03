"""Sets up, from settings, what machines with Secure Boot get: signed loaders, or what signs; and sees that it can.

A signer that fails when the first machine asks would be a boot that fails for no visible reason.
"""

from __future__ import annotations

from dataclasses import replace

from pixiecore_core.engine.first_step import Mode
from pixiecore_core.engine.unifying import Sign
from pixiecore_core.errors import BootFileError, ConfigError
from pixiecore_core.files.folders import user_folder
from pixiecore_core.files.plane import FilePlane
from pixiecore_core.files.signers import HOW_TO_GET, installed
from pixiecore_core.files.signing import Signing
from pixiecore_core.files.signing_key import KEY_OPTION, SigningKey
from pixiecore_core.firmware.chains import FoundChains, Signer, find_chains
from pixiecore_core.firmware.finding import FoundLoaders, find_loaders
from pixiecore_core.firmware.table import FirmwareTable
from pixiecore_core.settings.secure_boot import SecureBootSettings
from pixiecore_core.settings.server import ServerSettings

IPXE_OPTION, GRUB_OPTION = "--secureboot-ipxe", "--secureboot-grub"


def direct(settings: ServerSettings) -> Mode:
    """When UEFI is handed a unified kernel image: with a key, wherever one can be made, unless ``--uefi-direct`` says
    otherwise. The iPXE that is here is not signed by that key.
    """
    return "always" if signs(settings) and settings.uefi_direct == "auto" else settings.uefi_direct


def signs(settings: SecureBootSettings) -> bool:
    """Whether files are to be signed."""
    return settings.secureboot_key is not None and settings.secureboot_cert is not None


def find_first_stages(settings: ServerSettings, firmware: FirmwareTable) -> FoundLoaders:
    """The loaders, stubs and signed loaders that a server started with *settings* hands out.

    :raises ConfigError: as for :func:`with_chains`, or a file that the settings name cannot be used
    """
    found = find_loaders(firmware, settings.loaders(firmware), user_folder("data"))
    return with_chains(found, settings, settings.uefi_direct)


def with_chains(found: FoundLoaders, settings: SecureBootSettings, mode: Mode = "auto") -> FoundLoaders:
    """*found* with the signed loaders that the settings name.

    :raises ConfigError: there are none where they are said to be, or two ways are asked for at once
    """
    ways = {
        KEY_OPTION: settings.secureboot_key,
        IPXE_OPTION: settings.secureboot_ipxe,
        GRUB_OPTION: settings.secureboot_grub,
    }
    given = [option for option, value in ways.items() if value is not None]
    if len(given) > 1:
        raise ConfigError(given[1], f"is another way than {given[0]}, and a machine can only go one: leave one out")
    if settings.secureboot_ipxe is not None:
        chains = find_chains("ipxe", IPXE_OPTION, settings.secureboot_ipxe)
    elif settings.secureboot_grub is not None:
        folder = None if str(settings.secureboot_grub) == "auto" else settings.secureboot_grub
        chains = find_chains("grub", GRUB_OPTION, folder)
    else:
        if settings.secureboot_shim:
            reason = f"chooses among the shims in a folder, and none is named: {IPXE_OPTION} or {GRUB_OPTION}"
            raise ConfigError("--secureboot-shim", reason)
        return found
    if mode == "always":
        raise ConfigError(
            given[0], "does nothing with --uefi-direct=always, which hands UEFI another file: leave one out"
        )
    choices = [choice.rpartition("=") for choice in settings.secureboot_shim]
    signer = next((_signer(year) for mac, _, year in reversed(choices) if not mac), _signer(""))
    signers = {mac: _signer(year) for mac, _, year in choices if mac}
    if "2023" in (signer, *signers.values()) and not any("2023" in chain.shims for chain in chains.values()):
        names = " or ".join(next(iter(chains.values())).row.shims("2023"))
        raise ConfigError("--secureboot-shim", f"there is no shim of 2023 here: it is looked for as {names}")
    return replace(found, chains=FoundChains(chains, signer, signers))


def _signer(year: str) -> Signer:
    return "2023" if year == "2023" else "2011"


def open_signing(
    settings: ServerSettings, key: SigningKey | None, files: FilePlane, loaders: FoundLoaders
) -> Sign | None:
    """What signs, if anything is to be signed.

    :param key: as it was read from the files that the settings name
    :raises ConfigError: something is missing that it needs, or it does not work
    """
    if key is None:
        return None
    if settings.uefi_direct == "never":
        raise ConfigError(KEY_OPTION, "signs what --uefi-direct makes, and --uefi-direct=never makes nothing")
    if not loaders.stubs:
        stub = loaders.table.stub("x64") or loaders.table.stubs()[0]
        how = f"{loaders.how_to_get(stub)}; for other processors see: pixiecore firmware"
        raise ConfigError(KEY_OPTION, f"signs what is made with an EFI stub, and there is none here: {how}")
    if files.cache is None:
        reason = "leave out --no-cache" if settings.no_cache else "see --cache-dir"
        raise ConfigError(KEY_OPTION, f"signed files are kept in the cache, and there is none: {reason}")
    signers = installed()
    if not signers:
        raise ConfigError(KEY_OPTION, f"neither osslsigncode nor sbsign is installed: {HOW_TO_GET}")
    problems: list[str] = []
    for signer in signers:
        signing = Signing(files.cache.store, key, signer)
        try:
            signing.prove(next(iter(loaders.stubs.values())))
        except BootFileError as error:
            problems.append(str(error))
        else:
            for problem in problems:
                files.cache.warn(f"{problem}; {signer.program} signs in its place")
            return signing.sign
    raise ConfigError(KEY_OPTION, f"cannot sign: {'; '.join(problems)}")
