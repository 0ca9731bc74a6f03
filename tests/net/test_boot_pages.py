"""The HTTP paths without a socket: the script, the files it names, and what a liar gets."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable, Collection
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client, TestResponse

from pixiecore_core import (
    BootFile,
    BootFileError,
    BootFileNotReady,
    BootFileTimeout,
    Booting,
    BootSpec,
    Fact,
    Failed,
    FileRef,
    FileSent,
    Held,
    Hold,
    Ignore,
    InitrdSent,
    KernelSent,
    LoaderSent,
    Machine,
    PageAnswer,
    PluginFailed,
    PxeRequest,
    Refused,
    ScriptSent,
    UrlFor,
    hookimpl,
)
from pixiecore_core import Client as PxeClient
from pixiecore_core.assembly import Parts, assemble
from pixiecore_core.boot.tokens import Sealed, Sealer
from pixiecore_core.engine.words import sentence
from pixiecore_core.firmware.finding import FoundLoaders
from pixiecore_core.firmware.known import KNOWN
from pixiecore_core.net.boot_pages import BootPages
from pixiecore_core.net.site import Site as WebSite
from pixiecore_core.observe.log import configure
from pixiecore_core.web import status
from pixiecore_core.web.hosts import OurHosts
from pixiecore_core.web.plugin_pages import plugin_pages

MAC = "52:54:00:12:34:56"
SCRIPT = f"/_/ipxe?mac={MAC}&net0={MAC}&uuid=00112233-4455-6677-8899-aabbccddeeff&serial=S1&arch=x86_64&platform=efi"
LOCAL = {"pixiecore.local_address": ("192.0.2.2", 8080)}


class Site:
    """The application with real files, and one plugin's hooks."""

    pi_firmware: Path | None = None
    seen: Collection[str] = ()
    """The hardware addresses of whoever asks."""

    def __init__(self, folder: Path) -> None:
        self.kernel, self.initrd, self.other = (folder / name for name in ("vmlinuz", "initrd.img", "user data.yml"))
        self.kernel.write_bytes(bytes(range(256)) * 8)
        self.initrd.write_bytes(b"initrd")
        self.other.write_bytes(b"cloud")
        (folder / "snponly.efi").write_bytes(b"MZ loader")
        self.log = io.StringIO()
        self.folder = folder
        self.neighbours: Callable[[IPv4Address], set[str]] | None = None
        self.made()
        self.spec = BootSpec(
            kernel=FileRef(location=str(self.kernel)),
            initrds=(FileRef(location=str(self.initrd)),),
            cmdline='quiet data={{ ID "data" }}',
            message="Hello",
            files={"data": FileRef(location=str(self.other))},
        )

    def made(self, url_lifetime: float | None = None) -> None:
        """Assembled, as a server would."""
        parts = Parts(
            register=lambda manager: None,
            find=lambda table: self.found(),
            neighbours=lambda address: self.hardware_of(address),
            hardware=lambda address: self.seen,
            pi_firmware=self.pi_firmware,
            hook_timeout=0.3,
            url_lifetime=url_lifetime,
        )
        core = self.core = assemble(configure(stream=self.log), parts)
        self.plugins, self.attempts, self.sealer = core.plugins, core.attempts, core.urls.sealer
        self.serve()

    def hardware_of(self, address: IPv4Address) -> set[str]:
        """For files that firmware starts by itself."""
        return set()

    def found(self) -> FoundLoaders:
        """What this system has."""
        return FoundLoaders(KNOWN, {"efi-x64": self.folder / "snponly.efi"}, self.folder)

    def serve(self) -> None:
        """Make the site: plugins' pages are asked for once."""
        core = self.core
        boot = BootPages(core.scripts, core.first_stage, core.urls, core.bus, self.neighbours)
        pages = {
            **status.pages(core.attempts),
            **status.counts(core.metrics),
            **plugin_pages(core.plugins, core.plugins.register_routes(), core.urls.sealer, OurHosts().refusal),
            **boot.pages(),
        }
        self.client = Client(WebSite(pages, boot.folders(), lambda address: self.serves(address)))

    def serves(self, address: IPv4Address) -> bool:
        return True

    def plugin(self, name: str = "p", **hooks: Callable[..., Any]) -> None:
        functions = {hook: staticmethod(hookimpl(function)) for hook, function in hooks.items()}
        self.plugins.register(type("Plugin", (), functions)(), name)

    def get(self, path: str, method: str = "GET", **headers: str) -> TestResponse:
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        reached = LOCAL | {"REMOTE_ADDR": "192.0.2.77"}
        response = self.client.open(path, method=method, environ_overrides=reached, headers=fields)
        response.get_data()
        response.close()
        return response

    def file(self, path: Path, purpose: Any = "kernel") -> str:
        token = self.sealer.seal(Sealed(ref=FileRef(location=str(path)), mac=MAC, purpose=purpose))
        return f"/_/file?name={token}"

    def kinds(self) -> list[type[Fact]]:
        return [type(fact) for fact in self.attempts.facts(MAC)]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture
def booting(site: Site) -> Site:
    site.plugin(select_boot=lambda machine: site.spec)
    return site


def test_a_plugins_page_is_shown_under_our_names_or_by_a_machines_url(site: Site) -> None:
    def register(routes: Any) -> None:
        routes("/mine", lambda request: PageAnswer(text=request.mac or "anybody"))

    site.plugin(register_routes=lambda routes: register(routes))
    site.serve()
    assert site.get("/mine", Host="192.0.2.2:8080").text == "anybody"
    assert site.get("/mine", Host="evil.example").status_code == 421
    assert site.get("/mine", Host="evil.example", Authorization="Bearer x").status_code == 421
    name = site.sealer.seal_page(MAC, "/mine", None)
    assert site.get(f"/mine?name={name}", Host="evil.example").text == MAC
    other = site.sealer.seal_page(MAC, "/_/booting", None)
    assert site.get(f"/mine?name={other}", Host="evil.example").status_code == 421, "it was made for another page"
    assert site.get("/mine?name=forged", Host="evil.example").status_code == 421


def test_the_script_names_files_that_are_then_served(booting: Site) -> None:
    response = booting.get(SCRIPT)
    assert response.status_code == 200
    lines = response.text.split("\n")
    assert lines[:2] == ["#!ipxe", "echo Hello"]
    commands = [line.split(" ") for line in lines]
    kernel, initrd, ready = (words[3] for words in commands if words[0] in ("kernel", "initrd", "imgfetch"))
    (line,) = [line for line in lines if line.startswith("boot ")]
    assert line.startswith("boot kernel initrd=initrd0 quiet data=http://192.0.2.2:8080/_/file?name=")
    assert kernel.startswith("http://192.0.2.2:8080/_/file?name=")
    assert kernel.endswith("&type=kernel&mac=52%3A54%3A00%3A12%3A34%3A56")
    base = "http://192.0.2.2:8080"
    assert booting.get(kernel.removeprefix(base)).data == booting.kernel.read_bytes()
    assert booting.get(initrd.removeprefix(base)).data == b"initrd"
    assert booting.get(line.removesuffix(" || goto failed").partition("data=" + base)[2]).data == b"cloud"
    assert booting.get(ready.removeprefix(base)).text == "# Booting\n"
    assert booting.kinds() == [
        ScriptSent,
        KernelSent,
        InitrdSent,
        FileSent,
        Booting,
    ]
    assert 'Sent file "vmlinuz"' in booting.log.getvalue()


def test_plugins_learn_who_boots(site: Site) -> None:
    seen: list[Machine] = []

    def select_boot(machine: Machine) -> Ignore:
        seen.append(machine)
        return Ignore(reason="looking")

    site.plugin(select_boot=select_boot)
    response = site.get(SCRIPT)
    assert (response.status_code, response.text) == (404, "you don't netboot: looking")
    (machine,) = seen
    assert (machine.mac, machine.net0_mac, machine.serial) == (MAC, MAC, "S1")
    assert str(machine.uuid) == "00112233-4455-6677-8899-aabbccddeeff"
    assert machine.architecture is not None
    assert machine.architecture.code == 7


@pytest.mark.parametrize(
    ("arch", "platform", "code"),
    [("0", "", 0), ("1", "", 7), ("i386", "pcbios", 0), ("i386", "efi", 6), ("arm64", "efi", 11)],
)
def test_architectures_of_the_script_url(site: Site, arch: str, platform: str, code: int) -> None:
    seen: list[Machine] = []
    site.plugin(select_boot=lambda machine: seen.append(machine))
    site.get(f"/_/ipxe?mac={MAC}&arch={arch}&platform={platform}")
    assert seen[0].architecture is not None
    assert seen[0].architecture.code == code


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", "missing MAC address parameter"),
        (f"mac={MAC}", "missing architecture parameter"),
        ("mac=zz&arch=0", "invalid MAC address"),
        (f"mac={MAC}&arch=77", "unknown architecture"),
    ],
)
def test_bad_script_requests_are_named_as_the_go_tool_did(booting: Site, query: str, words: str) -> None:
    response = booting.get(f"/_/ipxe?{query}")
    assert (response.status_code, response.text) == (400, words)


def test_rubbish_in_the_other_parameters_is_simply_unknown(booting: Site) -> None:
    assert booting.get(f"/_/ipxe?mac={MAC}&arch=i386&platform=efi&uuid=rubbish&net0=rubbish").status_code == 200


def test_a_lying_host_header_changes_nothing(booting: Site) -> None:
    script = booting.get(SCRIPT, Host="evil.example").text
    assert "evil" not in script
    assert "http://192.0.2.2:8080/_/file" in script


def test_a_script_of_ones_own_is_sent_as_it_is(site: Site) -> None:
    spec = BootSpec(ipxe_script="#!ipxe\nshell\n", cmdline="{{ broken")
    site.plugin(select_boot=lambda machine: spec)
    assert site.get(SCRIPT).text == "#!ipxe\nshell\n"


@pytest.mark.parametrize("hook", ["select_boot", "render_cmdline", "render_script"])
def test_a_plugin_that_raises_is_a_500_that_names_the_plugin(booting: Site, hook: str) -> None:
    booting.plugin("faulty", **{hook: lambda machine: 1 / 0})
    response = booting.get(SCRIPT)
    assert response.status_code == 500
    assert response.text.endswith("plugin 'faulty' failed; the server's log says why")
    assert booting.kinds() == [PluginFailed]


def test_a_broken_command_line_is_a_500_with_its_place(site: Site) -> None:
    site.plugin(select_boot=lambda machine: site.spec.model_copy(update={"cmdline": 'x {{ ID "nope" }}'}))
    response = site.get(SCRIPT)
    assert response.status_code == 500
    assert "knows no file 'nope' (at character 3" in response.text
    assert site.kinds() == [Failed]


def test_a_query_may_hold_any_bytes(booting: Site) -> None:
    """curl sends an umlaut as it was typed, and whoever tries doors sends anything."""
    for path in ("/_/file?name=", "/_/booting?name=", "/_/status?mac=", "/_/ipxe?mac="):
        environ = {"QUERY_STRING": path.partition("?")[2] + "\xe9\x00"}
        answer = booting.client.open(path, environ_overrides=LOCAL | {"REMOTE_ADDR": "192.0.2.77"} | environ)
        assert answer.status_code in (200, 400, 404)


@pytest.mark.parametrize("token", ["x", "A" * 200, "%00", "..%2F..%2Fetc%2Fpasswd"])
def test_a_forged_token_is_not_found_and_nothing_is_read(site: Site, token: str) -> None:
    opened: list[FileRef] = []
    site.plugin(open_boot_file=lambda ref: opened.append(ref))
    assert site.get(f"/_/file?name={token}").status_code == 404
    assert opened == []


def test_a_cut_or_foreign_token_is_not_found(site: Site) -> None:
    path = site.file(site.kernel)
    assert site.get(path[:-3]).status_code == 404
    foreign = Sealer().seal(Sealed(ref=FileRef(location=str(site.kernel)), mac=MAC, purpose="kernel"))
    assert site.get(f"/_/file?name={foreign}").status_code == 404
    assert site.get("/_/file").status_code == 400


def test_a_booting_ping_counts_only_with_our_token(site: Site) -> None:
    assert site.get(f"/_/booting?mac={MAC}&name=forged").text == "# Booting\n"
    assert site.kinds() == []


def test_a_machine_on_hold_is_told_when_to_ask_again(site: Site) -> None:
    site.plugin(select_boot=lambda machine: Hold(reason="the API is down", seconds=7))
    response = site.get(SCRIPT)
    assert (response.status_code, response.headers["Retry-After"]) == (503, "7")
    assert site.kinds() == [Held]
    assert f"Holding {MAC}: the API is down" in site.log.getvalue()


def test_the_script_request_says_who_made_the_machine(site: Site) -> None:
    asked: list[Machine] = []
    site.plugin(select_boot=lambda machine: asked.append(machine))
    site.get(SCRIPT + "&manufacturer=QEMU&product=Standard%20PC%20(Q35%20+%20ICH9,%202009)")
    assert (asked[0].manufacturer, asked[0].product) == ("QEMU", "Standard PC (Q35 + ICH9, 2009)")


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (BootFileTimeout("mirror does not answer"), 504, Failed),
        (BootFileNotReady("it is still on its way", 9), 503, Held),
    ],
)
def test_what_another_server_does_is_told_by_status(
    site: Site, error: BootFileError, status: int, kind: type[Fact]
) -> None:
    def open_boot_file(ref: FileRef) -> BootFile:
        raise error

    site.plugin(open_boot_file=open_boot_file)
    response = site.get(site.file(site.kernel))
    assert (response.status_code, response.headers.get("Retry-After")) == (status, "9" if status == 503 else None)
    assert site.kinds() == [kind]
    assert str(error) in site.log.getvalue()


def test_urls_in_a_script_can_expire(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.made(url_lifetime=100)
    site.plugin(select_boot=lambda machine: site.spec)
    script = site.get(SCRIPT).text
    url = next(line for line in script.splitlines() if line.startswith("kernel ")).partition("192.0.2.2:8080")[2]
    assert site.get(url).status_code == 200
    later = time.time() + 200
    monkeypatch.setattr(time, "time", lambda: later)
    assert site.get(url).status_code == 404


def test_a_deleted_file_is_not_found(site: Site) -> None:
    path = site.file(site.kernel)
    site.kernel.unlink()
    assert site.get(path).status_code == 404
    assert "does not exist" in site.log.getvalue()


def test_a_file_that_cannot_be_read_is_a_502(site: Site) -> None:
    def open_boot_file(ref: FileRef) -> BootFile:
        raise BootFileError("upstream is down")

    site.plugin(open_boot_file=open_boot_file)
    assert site.get(site.file(site.kernel)).status_code == 502
    assert "upstream is down" in site.log.getvalue()


def test_head_gives_the_length_and_no_body(site: Site) -> None:
    response = site.get(site.file(site.kernel), method="HEAD")
    assert (response.status_code, response.content_length, response.data) == (200, 2048, b"")
    assert response.headers["ETag"]
    assert response.headers["Accept-Ranges"] == "bytes"


@pytest.mark.parametrize(
    ("asked", "status", "span"),
    [
        ("bytes=0-9", 206, (0, 10)),
        ("bytes=100-", 206, (100, 2048)),
        ("bytes=-5", 206, (2043, 2048)),
        ("bytes=2000-9999", 206, (2000, 2048)),
        ("bytes=5000-", 416, None),
        ("bytes=0-1,5-6", 200, (0, 2048)),
        ("lines=0-1", 200, (0, 2048)),
        ("rubbish", 200, (0, 2048)),
    ],
)
def test_ranges(site: Site, asked: str, status: int, span: tuple[int, int] | None) -> None:
    response = site.get(site.file(site.kernel), Range=asked)
    assert response.status_code == status
    if span is None:
        assert response.headers["Content-Range"] == "bytes */2048"
        return
    assert response.data == site.kernel.read_bytes()[slice(*span)]
    assert response.content_length == span[1] - span[0]
    if status == 206:
        assert response.headers["Content-Range"] == f"bytes {span[0]}-{span[1] - 1}/2048"


def test_conditions(site: Site) -> None:
    """RFC 9110 section 13; EDK2 resumes with Range and If-Match (HttpBootClient.c)."""
    path = site.file(site.kernel)
    tag = site.get(path, method="HEAD").headers["ETag"]
    assert site.get(path, If_None_Match=tag).status_code == 304
    assert site.get(path, Range="bytes=0-1", If_Match=tag).status_code == 206
    assert site.get(path, Range="bytes=0-1", If_Match='"old"').status_code == 412
    assert site.get(path, Range="bytes=0-1", If_Range=tag).status_code == 206
    assert site.get(path, Range="bytes=0-1", If_Range='"old"').status_code == 200


def test_an_empty_file_is_served(site: Site) -> None:
    site.kernel.write_bytes(b"")
    response = site.get(site.file(site.kernel))
    assert (response.status_code, response.content_length, response.data) == (200, 0, b"")


def test_http_boot_fetches_its_loader_with_the_right_type(site: Site) -> None:
    response = site.get(f"/_/loader/{MAC}/efi-x64/snponly.efi")
    assert (response.data, response.content_type) == (b"MZ loader", "application/efi")
    assert site.kinds() == [LoaderSent]
    assert site.get(f"/_/loader/{MAC}/bios/undionly.kpxe").status_code == 404


@pytest.mark.parametrize(
    ("path", "mac"), [("/autoexec.ipxe", "${netX/mac}"), (f"/_/loader/{MAC}/efi-x64/autoexec.ipxe", MAC)]
)
def test_autoexec_leads_straight_to_the_script(site: Site, path: str, mac: str) -> None:
    """With the address that the firmware got; where that fails, iPXE does what it would have done."""
    response = site.get(path)
    assert response.status_code == 200
    first, free, straight, otherwise = response.text.splitlines()
    assert (first, free, otherwise) == ("#!ipxe", "imgfree autoexec.ipxe ||", "autoboot")
    found = re.fullmatch(r"ifopen && chain --replace (\S+) \|\|", straight)
    assert found is not None
    assert f"/_/ipxe?mac={mac}&" in found[1]
    assert "from=" not in found[1], "anybody may ask for it: it must open nothing"


def test_a_machine_that_is_led_straight_and_comes_again_begins_anew(booting: Site) -> None:
    """Its iPXE never asked DHCP, but it did come as far as its script."""
    assert booting.get(SCRIPT).status_code == 200
    attempt = booting.core.attempts.latest(MAC)
    assert attempt is not None
    assert attempt.ipxe_asked


def test_other_paths_are_not_found(site: Site) -> None:
    assert site.get("/etc/passwd").status_code == 404


def test_status_pages(booting: Site) -> None:
    booting.get(SCRIPT)
    (events,) = booting.get("/_/status").get_json()["machines"].values()
    assert [event["kind"] for event in events] == ["script-sent"]
    assert 'pixiecore_events_total{kind="script-sent",subsystem="HTTP"} 1.0' in booting.get("/_/metrics").text


def test_a_url_that_no_machine_could_ask_for_is_told(site: Site) -> None:
    spec = BootSpec(kernel=FileRef(location="http://host/" + "x" * 7000))
    site.plugin(select_boot=lambda machine: spec)
    assert site.get(SCRIPT).status_code == 500
    assert "is too long to be handed to a machine" in site.log.getvalue()


@pytest.mark.parametrize(
    ("headers", "status", "length"),
    [({"Range": "bytes=-99999"}, 206, 2048), ({"Range": "bytes=0-9", "If-Range": "WEAK"}, 200, 2048)],
)
def test_ranges_at_the_edges(site: Site, headers: dict[str, str], status: int, length: int) -> None:
    path = site.file(site.kernel)
    if headers.get("If-Range") == "WEAK":
        headers = {**headers, "If-Range": "W/" + site.get(path).headers["ETag"]}
    response = site.get(path, **headers)
    assert (response.status_code, len(response.data)) == (status, length)


def test_a_folder_serves_the_files_below_it_and_no_others(booting: Site, tmp_path: Path) -> None:
    seed = tmp_path / "seed"
    seed.mkdir()
    (seed / "user-data").write_text("#cloud-config")
    (seed / "out").symlink_to(booting.kernel)
    (seed / "below").mkdir()
    booting.spec = BootSpec(
        kernel=FileRef(location=str(booting.kernel)),
        cmdline='ds=nocloud;s={{ ID "seed" }}',
        files={"seed": FileRef(location=f"{seed}/")},
    )
    url = booting.get(SCRIPT).text.partition("ds=nocloud;s=http://192.0.2.2:8080")[2].split()[0]
    assert url.startswith("/_/folder/")
    assert url.endswith("/")
    assert booting.get(url + "user-data").text == "#cloud-config"
    assert booting.kinds()[-1] is FileSent
    booting.get(url + "vendor-data")
    assert booting.kinds()[-1] is FileSent, "cloud-init can do without"
    for name in ("meta-data", "below", "out", "", "..%2fvmlinuz", "../vmlinuz", "%2fetc%2fpasswd", "a%00b"):
        assert booting.get(url + name).status_code == 404
    token = url.removeprefix("/_/folder/").rstrip("/")
    assert booting.get(f"/_/file?name={token}").status_code == 404, "a folder is not a file"
    assert booting.get(f"/_/folder/{token}").status_code == 404
    assert booting.get("/_/folder/made-up/user-data").status_code == 404
    kernel = booting.sealer.seal(Sealed(ref=FileRef(location=str(booting.kernel)), mac=MAC, purpose="file"))
    assert booting.get(f"/_/folder/{kernel}/user-data").status_code == 404


@pytest.mark.parametrize("name", ["a" * 200, "a" * 6000, "a/" * 3000 + "a"], ids=["long", "too long", "too deep"])
def test_names_that_clients_make_up_do_not_fill_the_log(site: Site, tmp_path: Path, name: str) -> None:
    token = site.sealer.seal(Sealed(ref=FileRef(location=f"{tmp_path}/"), mac=MAC, purpose="file"))
    for _ in range(100):
        assert site.get(f"/_/folder/{token}/{name}").status_code == 404
    assert set(site.kinds()) == {Refused}, "it shows in the machine's timeline"
    lines = site.log.getvalue().splitlines()
    assert len(lines) == 10, "of one kind from one machine, and later how many were not logged"
    for line in lines:
        assert len(line) < len(str(tmp_path)) + 200
    assert f"Failed to get a file for {MAC}: {tmp_path}/aa" in lines[0] or f"{tmp_path}/a/a" in lines[0]
    assert "…" in lines[0]
    assert lines[0].endswith(("a does not exist", "File name too long"))


def test_long_names_of_what_there_is_are_cut_too(site: Site) -> None:
    site.plugin(open_boot_file=lambda ref: BootFile.from_bytes(ref.name, b"x"))
    token = site.sealer.seal(Sealed(ref=FileRef(location="http://host/"), mac=MAC, purpose="file"))
    assert site.get(f"/_/folder/{token}/{'a' * 6000}").status_code == 200
    (fact,) = site.attempts.facts(MAC)
    assert sentence(fact).startswith(f'Sent file "{"a" * 40}…{"a" * 40}" (file, 1 bytes')
    assert isinstance(fact, FileSent)
    assert fact.file == f"{'a' * 40}…{'a' * 40}"


def test_a_loader_of_a_long_name(site: Site) -> None:
    assert site.get(f"/_/loader/{'a' * 6000}").status_code == 404
    assert len(site.log.getvalue()) < 300


def test_another_servers_failure_is_one_whatever_the_name(site: Site) -> None:
    def open_boot_file(ref: FileRef) -> BootFile:
        raise BootFileError("upstream is down")

    site.plugin(open_boot_file=open_boot_file)
    token = site.sealer.seal(Sealed(ref=FileRef(location="http://host/"), mac=MAC, purpose="file"))
    assert site.get(f"/_/folder/{token}/user-data").status_code == 502
    assert site.kinds() == [Failed]


def test_a_plugin_opens_files_of_its_own_that_name_others(booting: Site) -> None:
    def open_boot_file(ref: FileRef, url_for: UrlFor) -> BootFile | None:
        if not ref.location.startswith("mine:"):
            return None
        return BootFile.from_bytes(ref.name, url_for(FileRef(location=str(booting.other))).encode())

    booting.plugin("mine", open_boot_file=open_boot_file)
    token = booting.sealer.seal(Sealed(ref=FileRef(location="mine:a"), mac=MAC, purpose="file"))
    url = booting.get(f"/_/file?name={token}").text
    assert booting.get(url.removeprefix("http://192.0.2.2:8080")).data == b"cloud"
    token = booting.sealer.seal(Sealed(ref=FileRef(location="yours:a"), mac=MAC, purpose="file"))
    assert booting.get(f"/_/file?name={token}").status_code == 404
    assert "no plugin opens 'yours:a'" in booting.log.getvalue()


def test_the_script_request_tells_the_host_name(site: Site) -> None:
    asked: list[Machine] = []
    site.plugin(select_boot=lambda machine: asked.append(machine))
    site.get(SCRIPT + "&hostname=node%2B1")
    machine = Machine(mac=MAC, hostname="firmware")
    site.attempts.asked(
        PxeRequest(machine=machine, client=PxeClient.IPXE, loader=None, stage="dhcp", transaction_id=1, seconds=0)
    )
    site.get(SCRIPT + "&hostname=node2")
    site.get(SCRIPT)
    assert [machine.hostname for machine in asked] == ["node+1", "node2", "firmware"]


def test_a_web_page_whose_url_ends_with_a_slash_is_itself_and_a_folder(booting: Site) -> None:
    """As web frameworks make them; such a URL has always been served."""
    asked: list[str] = []

    def open_boot_file(ref: FileRef) -> BootFile | None:
        asked.append(ref.location)
        return BootFile.from_bytes("x", b"x")

    booting.plugin("web", open_boot_file=open_boot_file)
    booting.spec = BootSpec(
        kernel=FileRef(location="http://host/kernel/"),
        cmdline='config={{ ID "config" }}',
        files={"config": FileRef(location="http://host/config/")},
    )
    script = booting.get(SCRIPT).text
    kernel = script.partition("kernel --name kernel ")[2].split()[0].removeprefix("http://192.0.2.2:8080")
    config = script.partition("config=")[2].split()[0].removeprefix("http://192.0.2.2:8080")
    for path in (kernel, config, config + "user-data"):
        assert booting.get(path).status_code == 200
    assert asked == ["http://host/kernel/", "http://host/config/", "http://host/config/user-data"]


@pytest.mark.parametrize(("length", "told"), [(2047, False), (2048, True)])
def test_a_command_line_that_linux_would_cut_off_is_told(booting: Site, length: int, told: bool) -> None:
    booting.spec = BootSpec(kernel=FileRef(location=str(booting.kernel)), cmdline="x" * length)
    assert booting.get(SCRIPT).status_code == 200
    assert ("its command line has 2048 bytes" in booting.log.getvalue()) == told


@pytest.mark.parametrize(
    ("seen", "status"),
    [(set(), 200), ({MAC}, 200), ({"52:54:00:00:00:66"}, 403), ({"52:54:00:00:00:66", MAC}, 200)],
    ids=["by a router", "itself", "another", "both, on two links"],
)
def test_a_neighbour_gets_the_script_of_its_own_card_alone(booting: Site, seen: set[str], status: int) -> None:
    asked: list[IPv4Address] = []
    booting.neighbours = lambda address: asked.append(address) or seen  # type: ignore[func-returns-value]
    booting.serve()
    response = booting.get(SCRIPT)
    assert response.status_code == status
    assert asked == [IPv4Address("192.0.2.77")]
    if status == 403:
        assert "kernel" not in response.text
        assert f"No boot script for 192.0.2.77: it asks as {MAC}, but its hardware address is 52:54:00:00:00:66" in (
            booting.log.getvalue()
        )
        assert booting.kinds() == [], "it is not in the timeline of the machine that it pretends to be"


def test_net0_opens_nothing(booting: Site) -> None:
    """Whoever asks fills it in."""
    booting.neighbours = lambda address: {"52:54:00:00:00:66"}
    booting.serve()
    assert booting.get(SCRIPT.replace(f"net0={MAC}", "net0=52:54:00:00:00:66")).status_code == 403


def test_without_the_neighbour_table_a_script_waits(booting: Site) -> None:
    def unreadable(address: IPv4Address) -> set[str]:
        raise OSError(24, "Too many open files")

    booting.neighbours = unreadable
    booting.serve()
    response = booting.get(SCRIPT)
    assert (response.status_code, response.headers["Retry-After"]) == (503, "2")
