"""A recipe: how a distribution's mirrors are laid out, as data, and what a machine boots from one.

Turns a version, a processor and a firmware into URLs and a command line. Opens nothing and knows no particular
distribution: those are the TOML files in the folder ``recipes``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from pixiecore_core import FileRef, no_such, processor
from pixiecore_static_booter.mistakes import blaming

Family = Literal["BIOS", "UEFI"]
"""The two firmware families that a recipe can tell apart."""

_WORD = re.compile(r"(?<![{$])\{([A-Za-z_]\w*)\}(?!\})")
"""``{name}``, but neither ``{{ ID … }}``, which is the command line's, nor ``${name}``, which is iPXE's."""
_OWN_WORDS = ("version", "arch", "mirror", "installer_mirror")

_NO_SCHEME = re.compile(r"[\w-]+(\.[\w-]+)*(:\d+)?(/[^\s?#{}]*)?", re.ASCII)
"""What is probably a URL whose ``http://`` somebody left out."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Boot:
    """What a recipe comes to for one machine."""

    kernel: str
    """A URL, or an absolute path."""
    initrds: tuple[str, ...]
    cmdline: str
    """A template, as users write it."""


class _Parts(BaseModel):
    """What a recipe says of all boots, and a case of some. ``{word}`` stands for a word's text."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mirror: str | None = Field(default=None, description="what all URLs begin with; --mirror replaces it")
    installer_mirror: str | None = Field(
        default=None,
        description="the same, as the booted system reaches it, where that differs; --mirror replaces it too",
    )
    kernel: str | None = None
    initrd: list[str] | None = None
    cmdline: str | None = None
    words: dict[str, str] = Field(default={}, description="further words; one may use those above it")


class Case(_Parts):
    """What is different for some versions, processors or firmware; empty conditions fit everything."""

    versions: list[str] = []
    architectures: list[Annotated[str, AfterValidator(processor)]] = []
    firmware: Family | None = None

    def fits(self, version: str, architecture: str, firmware: Family | None) -> bool:
        """Whether the case is about this boot."""
        return (
            (not self.versions or version in self.versions)
            and (not self.architectures or architecture in self.architectures)
            and (self.firmware is None or self.firmware == firmware)
        )


class Recipe(_Parts):
    """A recipe, as its TOML file says it."""

    description: str = Field(min_length=1)
    homepage: str = ""
    aliases: list[str] = []
    versions: list[str] = Field(min_length=1, description="the first is booted if none is named")
    other_versions: str = Field(default="", description="regular expression for versions to come, which are tried")
    architectures: dict[Annotated[str, AfterValidator(processor)], str] = Field(
        min_length=1, description="processors, the preferred first, and what {arch} is for each"
    )
    case: list[Case] = []

    @model_validator(mode="after")
    def _usable(self) -> Self:
        try:
            re.compile(self.other_versions, re.ASCII)
        except (re.error, ValueError, OverflowError) as error:
            raise ValueError(f"other_versions is not a regular expression: {error}") from error
        except RecursionError as error:
            raise ValueError("other_versions is nested too deeply") from error
        for case in self.case:
            for name in case.versions:
                self.check_version(name)
            for name in case.architectures:
                self.check_architecture(name)
        for version in self.versions:
            if not list(self._boots(version)):
                raise ValueError(f"version {version!r} has no kernel")
        return self

    def _boots(self, version: str) -> Iterator[Boot]:
        families: tuple[Family, ...] = ("BIOS", "UEFI")
        for architecture in self.architectures:
            for firmware in families:
                found = self.boot(version, architecture, firmware)
                if found is not None:
                    yield found

    def check_version(self, version: str) -> str:
        """*version*, if there is or may be such a one.

        :raises ValueError: there is none, and none that comes will be called so
        """
        if version in self.versions or (self.other_versions and re.fullmatch(self.other_versions, version, re.ASCII)):
            return version
        shown = [*self.versions, "others of their form"] if self.other_versions else self.versions
        # No guess: the nearest number is another release, not what was meant.
        raise ValueError(no_such("version", version, (), shown))

    def check_architecture(self, text: str) -> str:
        """The processor *text*, however it is spelled, if the recipe is for it.

        :raises ValueError: it is not
        """
        name = processor(text)
        if name not in self.architectures:
            raise ValueError(f"this is not for {name}, only for {' and '.join(self.architectures)}")
        return name

    def boot(self, version: str, architecture: str, firmware: Family | None, mirror: str = "") -> Boot | None:
        """What a machine boots.

        :param architecture: one of the recipe's processors
        :param firmware: the machine's; ``None`` where nobody knows
        :param mirror: used instead of the recipe's own
        :returns: ``None`` where the recipe has nothing for this firmware
        :raises ValueError: the recipe uses a word that there is not, or comes to something that is no URL
        """
        parts = [self, *(case for case in self.case if case.fits(version, architecture, firmware))]
        kernel = _last([part.kernel for part in parts])
        if kernel is None:
            return None
        words = {"version": version, "arch": self.architectures[architecture]}
        own = mirror or _last([part.mirror for part in parts])
        if own is not None:
            with blaming("mirror"):
                words["mirror"] = mirror_url(own, words)
            with blaming("installer_mirror"):
                theirs = mirror or _last([part.installer_mirror for part in parts]) or own
                words["installer_mirror"] = mirror_url(theirs, words)
        for part in parts:
            for name, text in part.words.items():
                with blaming(f"words.{name}"):
                    if name in _OWN_WORDS:
                        raise ValueError(f"{{{name}}} is a built-in word, and cannot be set")
                    words[name] = fill(text, words)
        with blaming("kernel"):
            kernel = _location(fill(kernel, words))
        with blaming("initrd"):
            initrds = tuple(_location(fill(text, words)) for text in _last([part.initrd for part in parts]) or [])
        with blaming("cmdline"):
            cmdline = fill(_last([part.cmdline for part in parts]) or "", words)
        return Boot(kernel, initrds, cmdline)


def fill(text: str, words: Mapping[str, str]) -> str:
    """*text* with each ``{word}`` replaced, once: what comes in is not looked at again.

    :raises ValueError: there is no such word
    """

    def replace(match: re.Match[str]) -> str:
        if match[1] not in words:
            raise ValueError(no_such("word", f"{{{match[1]}}}", [f"{{{name}}}" for name in words]))
        return words[match[1]]

    return _WORD.sub(replace, text)


def mirror_url(text: str, words: Mapping[str, str] | None = None) -> str:
    """The URL of a mirror, without a slash at its end.

    :param words: what ``{word}`` in it stands for
    :raises ValueError: it is no http(s) URL that others can be made from
    """
    url = fill(text, words or {}).strip().rstrip("/")
    if _is_mirror(url):
        return url
    hint = f"; did you mean http://{text.strip()}?" if _NO_SCHEME.fullmatch(url) else ""
    raise ValueError(f"{text!r} is not the http(s) URL of a folder{hint}")


def _is_mirror(url: str) -> bool:
    if "://" not in url:
        return False
    parts = urlsplit(FileRef.from_text(url).location)
    return parts.scheme in ("http", "https") and not (parts.query or parts.fragment or re.search(r"[\s{}]", url))


def _location(text: str) -> str:
    if re.search(r"\s", text) and "://" in text:
        raise ValueError(f"{text!r} is a URL with white space in it")
    FileRef.from_text(text)
    return text


def _last(values: list[T | None]) -> T | None:
    return next((value for value in reversed(values) if value is not None), None)
