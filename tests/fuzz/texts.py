"""Texts that strangers and users write: paths, tokens, command lines, headers, settings; and what hides secrets."""

from __future__ import annotations

import base64
from contextlib import suppress

from pydantic import ValidationError

from pixiecore_core import CmdlineError, FileRef
from pixiecore_core.boot.chain_names import What, asked_for, part_of
from pixiecore_core.boot.cmdline import expand
from pixiecore_core.boot.grub_config import boot_config
from pixiecore_core.boot.identify import machine_from, parameters
from pixiecore_core.boot.paths import AUTOEXEC, is_autoexec, parse_loader_path
from pixiecore_core.boot.script import script
from pixiecore_core.boot.tokens import KEY_BYTES, Origin, Sealed, Sealer
from pixiecore_core.engine.words import sentence
from pixiecore_core.files.freshness import LONGEST_LIFETIME, fresh_until, may_keep, validators
from pixiecore_core.firmware.chains import CHAINS
from pixiecore_core.firmware.known import KNOWN
from pixiecore_core.hidden import is_secret, without_secrets
from pixiecore_core.models.base import normalise_mac
from pixiecore_core.models.facts import Refused
from pixiecore_core.settings.durations import Duration
from pixiecore_core.settings.listening import endpoint
from pixiecore_core.settings.server import CacheSettings
from pixiecore_core.settings.trust import TrustSettings
from tests.fuzz.target import check_pace, target, text_of

_MAC = "52:54:00:12:34:56"
_NOW = 1_800_000_000.0


@target([f"{_MAC}/efi-x64/snponly.efi".encode(), b"autoexec.ipxe", b"/52-54-00-12-34-56/bios/../x"], [b"/", b".."])
def loader_path(data: bytes) -> None:
    """A name that a client asks for: a machine's loader, iPXE's script, or nothing of ours."""
    path = text_of(data)
    found = parse_loader_path(path)
    if found is not None:
        assert normalise_mac(found.mac) == found.mac
    assert not is_autoexec(path) or path.lower().endswith(AUTOEXEC)


@target(
    [b"shimx64.efi", b"grub.cfg-01-52-54-00-12-34-56", b"initrd0.last", b"ipxe.efi"], [b".last", b"grub.cfg", b"mm"]
)
def chain_name(data: bytes) -> None:
    """What a shim, or what it has started, asks for: one thing, whatever it is called."""
    name = text_of(data)
    for row in CHAINS:
        asked = asked_for(name, row)
        assert row.kind == "grub" or asked.what not in (What.CONFIG, What.KERNEL, What.INITRD)
    part_of(name)


@target([b'quiet init="/bin/sh -c x" a=$b;c', b"a=\\x", "ü".encode()], [b'"', b"'", b"\\", b"\n", b"$"])
def grub_words(data: bytes) -> None:
    """A command line in GRUB's configuration: three commands, or why not."""
    with suppress(CmdlineError):
        text = boot_config("192.0.2.2", "kernel", ["initrd0.last"], text_of(data), "")
        assert [line.split(" ")[0] for line in text.splitlines()] == ["linux", "initrd", "boot"]


_SEALER = Sealer(bytes(KEY_BYTES))
_SEALED = [
    _SEALER.seal(Sealed(ref=FileRef(location="/boot/vmlinuz"), mac=_MAC, purpose="kernel")),
    _SEALER.seal_page(_MAC, "/done", None),
    _SEALER.seal_origin(Origin(mac=_MAC, interface="eth0")),
]


def _box(token: str) -> bytes:
    return base64.urlsafe_b64decode(token + "==")


_BOXES = [_box(token) for token in _SEALED]


@target([token.encode() for token in _SEALED], [b"=", b"-_"])
def token(data: bytes) -> None:
    """A token opens if we sealed it, and nothing else does."""
    said = text_of(data)
    if _SEALER.open(said, _NOW) or _SEALER.open_page(said, "/done", _NOW) or _SEALER.open_origin(said):
        assert _box(said) in _BOXES


@target(
    [
        b'{"ref":{"location":"/vmlinuz"},"mac":"52:54:00:12:34:56","purpose":"kernel"}',
        b"origin\n" + _MAC.encode() + b"\n" * 4,
    ],
    [b"\n", b"origin", b'"expires":', b"192.0.2.0/24"],
)
def sealed_words(data: bytes) -> None:
    """What another instance with our key may have sealed, perhaps one of another version."""
    said = _SEALER._seal(data)
    _SEALER.open(said, _NOW)
    _SEALER.open_page(said, "/done", _NOW)
    _SEALER.open_origin(said)


@target(
    [
        f"mac={_MAC}&net0={_MAC}&uuid=00112233-4455-6677-8899-aabbccddeeff&serial=S1&arch=x86_64&platform=efi".encode(),
        b"mac=52%3A54%3A00%3A12%3A34%3A56&arch=1&product=a%20b+c&hostname=%c3%bc&from=",
    ],
    [b"&", b"=", b"%", b"mac=", b"arch=", b"%00", b"%ff"],
)
def script_parameters(data: bytes) -> None:
    """Who asks for a script: a machine, or why not, in one line."""
    known = parameters(data.decode("latin-1"))
    try:
        machine = machine_from(known, known.get("address", "192.0.2.77"), KNOWN)
    except ValueError as error:
        told = str(error)
    else:
        told = ""
        machine.model_dump_json()
    assert len(told) < 100


@target(
    [
        b'quiet ds=nocloud;s={{ ID "./seed/" }} {{- /* why */ -}} x',
        b"{{ ID `raw` }}",
        b'a {{ URL "\\x41\\u00e9\\"" -}} b',
    ],
    [b"{{", b"}}", b"{{-", b"-}}", b"/*", b"*/", b'"', b"`", b"\\U0010ffff", b"\\", b"ID ", b"HOST", b"\n"],
)
def cmdline(data: bytes) -> None:
    """A command line in the subset of Go's templates, and the script that it becomes part of."""
    template = text_of(data)

    def read(template: str) -> str | None:
        with suppress(CmdlineError):
            return expand(template, {"ID": lambda name: f"<{len(name)}>"}, {"HOST": lambda: "h"})
        return None

    line = read(template)
    if line is not None:
        check_script(script("http://k", ["http://i"], line, template, "http://b", "http://f?"))
    check_pace(read, template[:80])


def check_script(text: str) -> None:
    """That nobody has put a command of their own into *text*."""
    commands = [line.split(" ")[0] for line in text.removesuffix("\n").split("\n")]
    shown = commands.index("set") - 1
    loads = ["set", "kernel", "set", "initrd", "imgfetch", "imgfree", "set", "boot", "exit"]
    assert commands == ["#!ipxe", *["echo"] * shown, *loads, ":failed", "set", "chain", "echo", "exit"], text


_URLS = [
    b"cannot fetch http://user:sEcReT@host:99999/x?token=abc&y=1#z",
    b"postgresql://u:p/a@db/x host=db password='a b' key=x",
    b"user:pass@host/db",
]
_URL_WORDS = [b"://", b"@", b":", b"=", b"?", b"&", b"token=", b"password=", b"http", b"\xe2\x80\xa6", b"' '"]


@target(_URLS, _URL_WORDS)
def secrets(data: bytes) -> None:
    """A password in a URL is hidden, whatever stands around it, and in a time in proportion."""
    text = text_of(data)
    assert "sEcReT7" not in without_secrets(f"{text} http://u:sEcReT7@h/ {text}")
    is_secret(text)
    check_pace(without_secrets, text[:80])


@target([b"loader\nno such file\n192.0.2.77", *_URLS], _URL_WORDS)
def fact(data: bytes) -> None:
    """A fact holds any text, cut, and can be written down."""
    name, _, reason = text_of(data).partition("\n")
    fact = Refused(via="HTTP", what="path", reason=reason, file=name, source="192.0.2.77")
    assert len(fact.reason) <= 301
    assert len(fact.file) <= 102
    fact.model_dump_json()
    sentence(fact).encode()


@target(
    [
        b'Cache-Control: public, Max-Age="60", no-store\nETag: "abc"\nAge: 5',
        b"Expires: Fri, 15 Jan 2027 08:00:01 GMT\nDate: Fri, 15 Jan 2027 08:00:00 GMT\nLast-Modified: x",
    ],
    [b"max-age=", b"s-maxage=", b"no-cache", b"W/", b'"', b"GMT", b"+9999", b"ETag: "],
)
def upstream_headers(data: bytes) -> None:
    """What an upstream says of a file: kept for a bounded time, and sent on only where it can be."""
    fields = (line.partition(": ") for line in data.decode("latin-1").split("\n"))
    headers = {name: value for name, _, value in fields}
    assert fresh_until(headers, _NOW) <= _NOW + LONGEST_LIFETIME
    may_keep(headers)
    said = validators(headers)
    assert all(value.isascii() and value.isprintable() for value in (said.etag, said.last_modified))


@target(
    [b"1m30s", b"250ms", b"1.5h", b"7", b"1e3", b"off", b"192.0.2.2:69", b"10.0.0.0/8", b"20G"], [b"h", b"\xc2\xb5s"]
)
def setting(data: bytes) -> None:
    """What a user writes for a duration, a listener, a relay or a size: a value or a ValueError."""
    text = text_of(data)
    with suppress(ValueError):
        duration = Duration(text)
        assert Duration(str(duration)) == duration
    with suppress(ValueError):
        endpoint(text)
    with suppress(ValidationError):
        TrustSettings.model_validate({"trust_relay": [text]})
    with suppress(ValidationError):
        CacheSettings.model_validate({"cache_size": text})


@target(
    [b"/srv/vmlinuz#sha256=" + b"ab" * 32, b"http://h:80/seed/\nuser-data", b"/srv/seed/\na/b", b"oci:x"],
    [b"..", b"%2e"],
)
def file_reference(data: bytes) -> None:
    """Where a file is, as people write it, and what a client may add to a folder's URL: it leads nowhere else."""
    place, _, name = text_of(data).partition("\n")
    try:
        ref = FileRef.from_text(place)
        found = ref.inside(name)
    except ValueError:
        return
    assert found.location.startswith(ref.location)
    assert ".." not in found.location.removeprefix(ref.location).split("/")
