"""The answer of an API, as bytes, to what a machine boots: Pixiecore's published v1 contract to the letter.

Every field, default and edge is that of the Go Pixiecore (booters.go), except: a ``false`` in a command-line object
leaves its key out, a missing kernel is an error, and ``efi``, ``dtb`` and ``local`` are new. Pure; :func:`boot_spec` is
the only way in.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError

from pixiecore_api_booter.addresses import Addresses
from pixiecore_api_booter.decoding import fields, first_value
from pixiecore_api_booter.quoting import go_quote
from pixiecore_core import BootSpec, CmdlineError, FileRef, LocalDisk, expand_cmdline

MOST_BYTES = 1 << 20
"""An answer is a few hundred bytes; a megabyte is a mistake, or malice."""

_DIGEST = r"^[0-9a-fA-F]{64}$"


class ContractError(ValueError):
    """The answer is not what the contract says; the message says what is wrong, for people."""


class UrlObject(BaseModel):
    """A file that the machine fetches, perhaps with what it must hash to."""

    model_config = ConfigDict(strict=True, extra="ignore")

    url: str = Field(description="absolute, or relative to the API server; file:// below a --file-root")
    sha256: str | None = Field(default=None, pattern=_DIGEST, description="what the bytes must hash to, in hex")


def _tag(kind: type) -> Tag:
    # The tag becomes part of an error's place, where the zero byte tells us to remove it again.
    return Tag(f"\0{kind.__name__}")


def _kind(*kinds: type) -> Discriminator:
    """Tells a union's members apart by the JSON type, so that an error names only one of them."""
    names = {str: "a string", UrlObject: 'an object with "url"', bool: "true or false", dict: "an object"}
    allowed = [names[kind] for kind in kinds]
    message = f"must be {', '.join(allowed[:-1])} or {allowed[-1]}"

    def tag(value: Any) -> str | None:
        found = type(value)
        wanted = UrlObject if found is dict and UrlObject in kinds else found
        return _tag(wanted).tag if wanted in kinds else None

    return Discriminator(tag, custom_error_type="wrong_type", custom_error_message=message)


_Text = Annotated[str, _tag(str)]
_Url = Annotated[UrlObject, _tag(UrlObject)]
_Address = Annotated[_Text | _Url, _kind(str, UrlObject)]
_Value = Annotated[Annotated[bool, _tag(bool)] | _Text | _Url, _kind(bool, str, UrlObject)]
_Cmdline = Annotated[_Text | Annotated[dict[str, _Value], _tag(dict)], _kind(str, dict)]


class Answer(BaseModel):
    """What a machine boots. Unknown fields are ignored; null means absent."""

    model_config = ConfigDict(
        strict=True,
        extra="ignore",
        json_schema_extra={"anyOf": [{"required": [key]} for key in ("kernel", "efi", "ipxe-script", "local")]},
    )

    kernel: _Address | None = Field(
        default=None, description="URL of the kernel; needed unless efi or ipxe-script is given"
    )
    efi: _Address | None = Field(
        default=None, description="URL of an EFI program that UEFI machines start in the place of a kernel"
    )
    initrd: list[_Address] | None = Field(
        default=None, description="URLs of initial RAM disks, in the order the kernel sees them"
    )
    dtb: _Address | None = Field(default=None, description="URL of the device tree, for machines with U-Boot")
    cmdline: _Cmdline | None = Field(
        default=None,
        description='kernel command line. In a string, {{ URL "u" }} becomes a URL by which the machine fetches u. '
        'Of an object the keys are sorted: true gives key, false nothing, a string key="string", {"url": u} key=URL',
    )
    message: str | None = Field(default=None, description="shown on the machine's screen before it boots")
    ipxe_script: str | None = Field(
        default=None,
        alias="ipxe-script",
        description="an iPXE script of your own; if not empty, everything else is ignored",
    )
    local: bool | None = Field(
        default=None,
        description="whether the machine goes on to its own disk at once, in the place of everything else",
    )


_NAMES = tuple(field.alias or name for name, field in Answer.model_fields.items())


def boot_spec(body: bytes, addresses: Addresses) -> BootSpec | LocalDisk:
    """What the answer *body* says a machine boots.

    :raises ContractError: it says nothing that can be booted
    """
    if len(body) > MOST_BYTES:
        raise ContractError(f"the body is longer than {MOST_BYTES:,} bytes")
    try:
        return _spec(_answer(first_value(body)), addresses)
    except ContractError:
        raise
    except ValidationError as error:
        raise ContractError(_explained(error)) from error
    except ValueError as error:
        raise ContractError(str(error)) from error
    except RecursionError:
        raise ContractError("the body is nested too deeply") from None


def _answer(value: Any) -> Answer:
    if value is not None and not isinstance(value, dict):
        raise ContractError("the body is JSON, but not an object")
    known = fields(value or {}, _NAMES)
    script = known.get("ipxe-script")
    if isinstance(script, str) and script:
        # The one field that Go's decoder takes whatever its type, and looks at only without a script.
        known.pop("cmdline", None)
    return Answer.model_validate(known)


def _spec(answer: Answer, addresses: Addresses) -> BootSpec | LocalDisk:
    if answer.local:
        given = {"kernel": answer.kernel, "efi": answer.efi, "ipxe-script": answer.ipxe_script}
        if contrary := next((name for name, value in given.items() if value), None):
            raise ContractError(f"local is true, and {contrary} is given: give one or the other")
        return LocalDisk(reason="the API said local")
    if answer.ipxe_script:
        return BootSpec(ipxe_script=answer.ipxe_script)
    if not answer.kernel and not answer.efi:
        raise ContractError("kernel is missing")
    files = _Files(addresses)
    cmdline = answer.cmdline or ""
    line = files.expanded("cmdline", cmdline) if isinstance(cmdline, str) else files.joined(cmdline)
    return BootSpec(
        kernel=files.ref("kernel", answer.kernel) if answer.kernel else None,
        efi=files.ref("efi", answer.efi) if answer.efi else None,
        initrds=tuple(files.ref(f"initrd[{number}]", initrd) for number, initrd in enumerate(answer.initrd or [])),
        dtb=files.ref("dtb", answer.dtb) if answer.dtb else None,
        cmdline=line,
        message=answer.message or "",
        files=files.named(),
    )


class _Files:
    """Resolves what an answer names, and gathers what its command line names, for the core to seal."""

    def __init__(self, addresses: Addresses) -> None:
        self._addresses = addresses
        self._names: dict[FileRef, str] = {}

    def ref(self, where: str, address: str | UrlObject) -> FileRef:
        try:
            if isinstance(address, str):
                return self._addresses.ref(address)
            return self._addresses.ref(address.url, address.sha256)
        except ValidationError as error:
            raise ContractError(f"{where}: {_explained(error)}") from error
        except ValueError as error:
            raise ContractError(f"{where} {error}") from error

    def joined(self, members: dict[str, bool | str | UrlObject]) -> str:
        """The command line that an object stands for."""
        words = []
        for key, value in sorted(members.items()):
            where = f'cmdline["{key}"]'
            if isinstance(value, UrlObject):
                words.append(f"{self.expanded(where, key)}={self._call(self.ref(where, value))}")
            elif isinstance(value, str):
                words.append(self.expanded(where, f"{key}={go_quote(value)}"))
            elif value:
                words.append(self.expanded(where, key))
        return " ".join(words)

    def expanded(self, where: str, template: str) -> str:
        """*template* with the published function ``URL`` in terms of the core's ``ID``."""

        def url(text: str) -> str:
            return self._call(self.ref(f"{where}: URL", text))

        try:
            return expand_cmdline(template, {"URL": url}, keep_words=True)
        except CmdlineError as error:
            raise ContractError(f"{where}: {error}") from error

    def _call(self, ref: FileRef) -> str:
        name = self._names.setdefault(ref, f"url-{len(self._names)}")
        return f'{{{{ ID "{name}" }}}}'

    def named(self) -> dict[str, FileRef]:
        """What the command line names, by the name it uses."""
        return {name: ref for ref, name in self._names.items()}


def _explained(error: ValidationError) -> str:
    """The first thing that is wrong, with its place as it is written in JSON."""
    first = error.errors()[0]
    place = _place([part for part in first["loc"] if not str(part).startswith("\0")])
    if first["type"] == "missing":
        return f'{place.rpartition(".")[0]} is an object without "url"'
    reason = {
        "string_type": "must be a string",
        "list_type": "must be a list",
        "bool_type": "must be true or false",
        "string_pattern_mismatch": "must be 64 hexadecimal digits",
    }.get(first["type"], first["msg"].removeprefix("Value error, "))
    return f"{place} {reason}"


def _place(parts: Sequence[int | str]) -> str:
    place = ""
    for part in parts:
        if isinstance(part, int):
            place += f"[{part}]"
        elif place == "cmdline":
            place += f'["{part}"]'
        else:
            place += f".{part}" if place else part
    return place
