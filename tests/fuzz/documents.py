"""Documents: an API's answers, inventories and their templates, recipes, rules, settings files, loaders."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from pixiecore_allowlist.rules import RuleFileError, parse_rule, read_rules
from pixiecore_api_booter.addresses import Addresses
from pixiecore_api_booter.contract import ContractError, boot_spec
from pixiecore_api_booter.quoting import go_quote
from pixiecore_inventory_booter.documents import parse as parse_document
from pixiecore_inventory_booter.loading import load
from pixiecore_inventory_booter.problems import InventoryError
from pixiecore_inventory_booter.syntax import complaint
from pixiecore_inventory_booter.templates import TemplateError, Templates
from pixiecore_static_booter.catalogue import parse as parse_recipe
from pixiecore_static_booter.recipe import mirror_url

from pixiecore_core import ConfigError, LocalDisk
from pixiecore_core.boot.uki import Part, unify
from pixiecore_core.errors import WireError
from pixiecore_core.firmware.finding import find_loaders
from pixiecore_core.firmware.known import KNOWN
from pixiecore_core.settings.file import SettingsFile
from pixiecore_core.wire.ipxe_version import Since, version_in
from pixiecore_core.wire.pe import machine_of
from tests.fuzz.target import target, text_of
from tests.programs import program

_ROOT = Path(__file__).parents[2]
_FOLDER = Path(tempfile.mkdtemp(prefix="pixiecore-fuzz-"))
atexit.register(shutil.rmtree, _FOLDER, ignore_errors=True)


def _file(name: str, data: bytes) -> Path:
    path = _FOLDER / name
    path.write_bytes(data)
    return path


_API = Addresses("http://api.example/pixie", ["/srv/boot"])
_ANSWERS = [
    b'{"kernel": "vmlinuz", "initrd": ["http://h/i", {"url": "file:///srv/boot/i", "sha256": null}], "message": "hi"}',
    b'{"Kernel": "k#sha256=' + b"ab" * 32 + b'", "cmdline": {"a": true, "b": false, "c": "d e", "u": {"url": "x"}}}',
    b'{"kernel": "k", "cmdline": "quiet {{ URL \\"http://h/x\\" }} {{ ID `y` }}"} trailing',
    b'{"ipxe-script": "#!ipxe\\nshell\\n", "cmdline": 5}',
    b'{"local": true}',
]


@target(
    _ANSWERS, [b'"kernel"', b'"initrd"', b'"cmdline"', b'"url":', b"{{ URL ", b"file:///srv/boot/", b"../", b"\\ud800"]
)
def api_answer(data: bytes) -> None:
    """An API's answer: what to boot, or why not, for people; no file outside of its roots."""
    try:
        spec = boot_spec(data, _API)
    except ContractError:
        return
    if isinstance(spec, LocalDisk):
        return
    assert spec.kernel or spec.efi or spec.ipxe_script
    assert "\n" not in spec.cmdline
    for ref in (spec.kernel, *spec.initrds, *spec.files.values()):
        if ref is not None and not ref.is_url:
            assert ref.location.startswith("/srv/boot")
            assert ".." not in ref.location.split("/")
    spec.model_dump_json()


@target([b"plain", b"\x07\n\xc3\xbc\xf0\x9f\x98\x80\xff"])
def go_quoted(data: bytes) -> None:
    """Go's %q."""
    assert go_quote(text_of(data)).isprintable()


_INVENTORY = b"""vars: {domain: example.net}
profiles:
  debian:
    kernel: http://h/vmlinuz
    initrd: [http://h/initrd.img]
    cmdline: [console=ttyS0, "hostname={{ hostname }}", 'ds=nocloud;s={{ ID "/" }}']
    files: {user-data: {text: "#cloud-config\\nfqdn: {{ hostname }}.{{ domain }}\\n", template: true}}
machines:
  - {name: node1, mac: 52:54:00:12:34:56, labels: {rack: a7}, vars: {ip: 192.0.2.21}, profile: debian}
  - {name: node2, serial: 0012}
groups: [{name: rack a, match: {label: {rack: a*}}, profile: debian}]
default: ignore
"""
_YAML_WORDS = [b"<<: *a", b"&a", b"*a", b"!!", b"---\n", b"? ", b"- ", b"|\n", b"profiles:", b"match:", b"mac:", b"{{"]


def _document(name: str, data: bytes) -> None:
    """Parsed; what is a document is loaded as an inventory too."""
    try:
        parse_document(name, data)
    except InventoryError as error:
        str(error)
        return
    with tempfile.TemporaryDirectory(dir=_FOLDER) as folder:
        Path(folder, name).write_bytes(data)
        with suppress(InventoryError):
            load(folder)


@target([_INVENTORY, b"a: &a [1, true, ~, 0x1f]\nb: {<<: {c: *a}}\n"], _YAML_WORDS)
def yaml_inventory(data: bytes) -> None:
    """An inventory in YAML, or its mistakes with their places."""
    _document("x.yaml", data)


@target(
    [
        b'default = "p"\n[profiles.p]\nkernel = "http://h/k"\n[[machines]]\nname = "n"\nmac = "52:54:00:12:34:56"\n',
        b'[[groups]]\nprofile = "ignore"\nmatch = {subnet = "192.0.2.0/24"}\n',
    ],
    [b"[[", b"]]", b'"""', b"1979-05-27T07:32:00Z", b"inf", b".", b"= {"],
)
def toml_inventory(data: bytes) -> None:
    """An inventory in TOML, or its mistakes with their places."""
    _document("x.toml", data)


@target(
    [b"{{ hostname }}{% if vars.a %}x{% endif %}", b"{% for a in labels %}{{ a|upper }}{% endfor %}{# c #}"],
    [b"{{", b"}}", b"{%", b"%}", b"{% set a = ", b"|", b".__class__", b"()", b"url('x')", b"{% include 'x' %}"],
)
def template(data: bytes) -> None:
    """A template, and what it makes of a machine."""
    # An expression may ask for a gigabyte of text; that is its author's business, not this target's.
    if (
        b"**" in data
        or b"range" in data
        or b"*" in data
        or b"center" in data
        or b"lipsum" in data
        or b"%" in _inner(data)
    ):
        return
    with suppress(TemplateError):
        compiled = Templates(str(_FOLDER)).compile_text(text_of(data))
        compiled.render({"hostname": "n", "labels": {}, "vars": {}}, str).encode()


def _inner(data: bytes) -> bytes:
    return data.replace(b"{%", b"").replace(b"%}", b"")


@target(
    [b'user-data\n#cloud-config\na: [1, "b"]\n', b'x.ign\n{"a": [1, 2e3]}', b"meta-data\ninstance-id: &a x\n"],
    _YAML_WORDS,
)
def rendered_file(data: bytes) -> None:
    """A file that a template made: whether it is the JSON or YAML that it says it is."""
    name, _, text = data.decode("utf-8", "replace").partition("\n")
    complaint(name, text)


@target(
    [path.read_bytes() for path in sorted((_ROOT / "plugins/static_booter/pixiecore_static_booter/recipes").iterdir())]
)
def recipe(data: bytes) -> None:
    """A recipe for a distribution."""
    with suppress(ValueError):
        parse_recipe(text_of(data))


@target([b"https://mirror.example/debian/", b"http://[::1]:8080/a%20b"], [b"://", b"@", b"%", b"["])
def mirror(data: bytes) -> None:
    """A mirror's URL."""
    with suppress(ValueError):
        assert mirror_url(text_of(data)).lower().startswith("http")


@target(
    [
        b"# ours\n52:54:00\n52-54-00-12-34-56\n192.0.2.0/24 # net\n4c4c4544-0051-3010-8052-b4c04f4e4d32\n",
        b"\xef\xbb\xbf52:54:00",
    ],
    [b"/", b"#", b":", b"/33", b"0.0.0.0/0"],
)
def rules(data: bytes) -> None:
    """The allowlist's file: rules, or the line that is none."""
    with suppress(ValueError):
        parse_rule(text_of(data))
    path = _file("rules", data)
    try:
        read_rules(str(path))
    except RuleFileError as error:
        told = str(error)
    else:
        told = str(path)
    assert told.startswith(str(path))
    assert len(told) < 1000


@target(
    [
        b'[server]\nport = 80\nbooter = "static"\n[booter.static]\nkernel = "/k"\n[plugin.once]\nenabled = true\n',
        b"server = 1",
    ],
    [b"[server]", b"[booter.", b"disable_plugin = ", b"[[", b"'''"],
)
def settings_file(data: bytes) -> None:
    """A settings file: its tables, or its mistakes."""
    with suppress(ConfigError):
        found = SettingsFile.read(_file("pixiecore.toml", data))
        assert all(isinstance(name, str) for name in found.disabled)
        assert found.booter is None or isinstance(found.booter, str)


@target(
    [b"MZ" + bytes(58) + b"\x40\0\0\0PE\0\0\x64\x86", b"\x7fELF" + bytes(60), b"MZ"], [b"PE\0\0", b"\xff\xff\xff\xff"]
)
def loader_file(data: bytes) -> None:
    """A file that a user says is a loader."""
    path = _file("loader", data)
    for loader in KNOWN.loaders():
        with suppress(ConfigError):
            find_loaders(KNOWN, {loader.setting: path}, _FOLDER, ())


@target([program(), program(0xAA64, bits=32), program(trailer=b"symbols")], [b"MZ", b"PE\0\0", b".sdmagic", b".text"])
def efi_program(data: bytes) -> None:
    """An EFI stub: what comes of joining a kernel to it begins with it, and is as long as is said."""
    try:
        image = unify(data, Part("kernel", 5000), [Part("initrd", 7)], "quiet", "ID=x\n")
    except WireError:
        return
    assert machine_of(data) == machine_of(b"".join(piece for piece in image.pieces if isinstance(piece, bytes)))
    sizes = [piece.size if isinstance(piece, Part) else len(piece) for piece in image.pieces]
    assert image.size == sum(sizes)


@target(
    [
        b"\0" + b"1.0.0+git-20190125.36a4c85-5.1\0iPXE/%s",
        b"iPXE/%s ipxe,1,iPXE,ipxe.efi,1.21.1+git20250501.dad20602,https://ipxe.org",
    ],
    [b"iPXE/%s", b"ipxe,1,iPXE,", b"+git", b"\0"],
)
def ipxe_version(data: bytes) -> None:
    """A file that may be an iPXE: its version is one short printable word or text."""
    version = version_in(data)
    assert version.isprintable()
    assert len(version) <= 115
    assert Since((2, 0, 0), "20241120").includes(version) in (True, False, None)
