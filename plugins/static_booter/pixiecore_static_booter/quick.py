"""The quick booter: a distribution's installer, by name, for every machine whose processor it is for.

Everything that a machine can be told is worked out at start; a decision only looks it up. What a distribution's
mirrors look like does not concern this module: that is in the recipes.
"""

from __future__ import annotations

import os
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from pixiecore_core import BootSpec, FirmwareFamily, Ignore, Machine, hookimpl
from pixiecore_static_booter.answering import Asking
from pixiecore_static_booter.boot_files import CmdlineTemplate, bootable_file, named_files, named_from
from pixiecore_static_booter.catalogue import find, is_path, path_of
from pixiecore_static_booter.mistakes import blaming, sentence
from pixiecore_static_booter.recipe import Boot, Family, Recipe, mirror_url

_FAMILIES: tuple[Family, ...] = ("BIOS", "UEFI")


def _recipe(text: str) -> str:
    find(text)
    return path_of(text) if is_path(text) else text


def _version(text: str, info: ValidationInfo) -> str:
    # Without a usable recipe there is a better message than ours.
    return find(info.data["recipe"]).check_version(text) if text and "recipe" in info.data else text


def _architecture(text: str, info: ValidationInfo) -> str:
    return find(info.data["recipe"]).check_architecture(text) if text and "recipe" in info.data else text


def _mirror(text: str) -> str:
    if text:
        mirror_url(text, {"version": "1", "arch": "x86_64"})
    return text


class QuickSettings(BaseModel):
    """The booter's settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    recipe: Annotated[str, AfterValidator(_recipe)] = Field(
        description="what to boot: a name such as debian (pixiecore quick lists them), or the path of a recipe"
    )
    version: Annotated[str, AfterValidator(_version)] = Field(
        default="", description="version of it, such as trixie; the recipe's first if not given"
    )
    architecture: Annotated[str, AfterValidator(_architecture)] = Field(
        default="",
        description="boot only machines with this processor, such as amd64; each machine its own if not given",
    )
    mirror: Annotated[str, AfterValidator(_mirror)] = Field(
        default="",
        description="URL of the mirror to boot and install from; the recipe's own if not given",
        json_schema_extra={"metavar": "URL"},
    )
    cmdline: CmdlineTemplate = Field(
        default="", description='added to the kernel command line; {{ ID "path-or-url" }} becomes a URL of that file'
    )
    message: str = Field(default="", description="message to show on the machine's screen before it boots")

    @model_validator(mode="after")
    def _bootable(self) -> Self:
        try:
            self.specs(find(self.recipe))
        except ValueError as error:
            # All that the user wrote was fine; so it is the recipe, and the message has to say so.
            reason = f"{self.recipe}: {sentence(error)}"
            mistake = InitErrorDetails(
                type=PydanticCustomError("recipe", "{reason}", {"reason": reason}), loc=("recipe",), input=self.recipe
            )
            raise ValidationError.from_exception_data(type(self).__name__, [mistake]) from error
        return self

    def specs(self, recipe: Recipe) -> dict[tuple[str, Family | None], BootSpec]:
        """What each kind of machine boots, by processor and firmware; ``None`` for an unknown firmware.

        :raises ValueError: a local file of the recipe cannot be read
        """
        version = self.version or recipe.versions[0]
        specs: dict[tuple[str, Family | None], BootSpec] = {}
        for architecture in [self.architecture] if self.architecture else recipe.architectures:
            for firmware in (*_FAMILIES, None):
                boot = recipe.boot(version, architecture, firmware, self.mirror)
                if boot is None:
                    continue
                specs[architecture, firmware] = self._spec(boot)
        return specs

    def _spec(self, boot: Boot) -> BootSpec:
        with blaming("kernel"):
            kernel = bootable_file(boot.kernel)
        with blaming("initrd"):
            initrds = tuple(bootable_file(text) for text in boot.initrds)
        with blaming("cmdline"):
            # The user's own is seen from the folder that the user is in; a recipe's moves with the recipe.
            own = named_from(os.path.dirname(self.recipe), boot.cmdline) if is_path(self.recipe) else boot.cmdline
            named_files(own)
        cmdline = " ".join(part for part in (own, self.cmdline) if part)
        return BootSpec(
            kernel=kernel, initrds=initrds, cmdline=cmdline, message=self.message, files=named_files(cmdline)
        )


class QuickBooter(Asking):
    """Boots every machine into a distribution's installer, by name."""

    name = "quick"
    Settings = QuickSettings

    def __init__(self, settings: QuickSettings) -> None:
        recipe = find(settings.recipe)
        self._specs = settings.specs(recipe)
        self._architectures = list(dict.fromkeys(architecture for architecture, _ in self._specs))
        self._what = f"{settings.recipe} {settings.version or recipe.versions[0]}"
        super().__init__(
            ref
            for spec in self._specs.values()
            for ref in (*([spec.kernel] if spec.kernel else []), *spec.initrds, *spec.files.values())
        )

    @hookimpl
    def select_boot(self, machine: Machine) -> BootSpec | Ignore:
        """The installer for the machine's processor and firmware."""
        only = f"{self._what} is served for {' and '.join(self._architectures)} only"
        firmware: Family | None = None
        if machine.architecture is not None:
            suitable = [name for name in self._architectures if name in machine.architecture.processors]
            firmware = "BIOS" if machine.architecture.family is FirmwareFamily.BIOS else "UEFI"
        elif len(self._architectures) == 1:
            suitable = self._architectures
        else:
            return Ignore(reason=f"it does not say what processor it has; {only}")
        if not suitable:
            return Ignore(reason=f"it is {machine.architecture}; {only}")
        spec = self._specs.get((suitable[0], firmware))
        return spec or Ignore(reason=f"{self._what} has nothing for its firmware ({firmware or 'unknown'})")
