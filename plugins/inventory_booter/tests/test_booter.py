"""Machines boot by a folder, in memory: what they get, which files, and what an edit changes."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any
from uuid import UUID

import gevent
import pytest
from pixiecore_inventory_booter import InventoryBooter
from pixiecore_once import Once, OnceSettings

from pixiecore_core import BootSpec, ConfigError, Hold, Ignore, Machine
from pixiecore_core.testing import BooterContract, Netboot

from .inventories import MAC, OTHER, booter, edit, standard, write


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return standard(tmp_path)


@pytest.fixture
def machines(folder: Path, netboot: Callable[..., Netboot]) -> Netboot:
    return netboot(booter(folder))


def seed(machines: Netboot, mac: str = MAC, **query: str) -> str:
    """The URL of the folder that a machine's cloud-init is given."""
    return machines.script(mac, **query).partition("ds=nocloud;s=")[2].split()[0]


class TestInventoryBooter(BooterContract):
    def make_booter(self, folder: Path) -> InventoryBooter:
        made = booter(standard(folder))
        assert isinstance(made, InventoryBooter)
        return made


def test_a_machine_boots_on_every_firmware(machines: Netboot, firmware: int) -> None:
    boot = machines.boot(MAC, firmware)
    assert boot is not None
    assert (boot.kernel, boot.initrds) == (b"kernel", (b"initrd",))
    assert boot.cmdline.startswith("console=ttyS0 hostname=node1 ds=nocloud;s=http://192.0.2.2/_/folder/")
    assert "echo Installing node1" in boot.script


def test_it_may_be_an_efi_program(folder: Path) -> None:
    (folder / "memtest.efi").write_bytes(b"MZ")
    edit(folder, "    kernel: vmlinuz\n    initrd: initrd.img\n", "    efi: memtest.efi\n")
    spec = booter(folder).select_boot(Machine(mac=MAC, uuid=None, interface="eth0"))
    assert getattr(spec, "kernel", None) is None
    assert getattr(spec, "efi", None) is not None, spec


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("    labels: {rack: a7}\n", "    labels: {rack: a7}\n    local: true\n", "'node1' says local"),
        ("    profile: debian\n", "    local: true\n", "group 'rack a' says local"),
    ],
)
def test_a_machine_that_is_to_start_its_disk(folder: Path, old: str, new: str, why: str) -> None:
    edit(folder, old, new)
    machines = Netboot(booter(folder))
    assert "sanboot" in machines.script(MAC)
    assert machines.sentences(MAC) == [f"Sent {MAC} on to its disk (192.0.2.100): {why}"]
    machines.close()


def test_its_files_are_rendered_for_it(machines: Netboot) -> None:
    url = seed(machines)
    assert machines.fetch(url + "user-data") == b"#cloud-config\nfqdn: node1.example.net\nip: 192.0.2.21\n"
    assert machines.fetch(url + "meta-data") == b'instance-id: "52:54:00:12:34:56"\nlocal-hostname: "node1"\n'
    assert machines.fetch(url + "vendor-data") == b""
    for name in ("network-config", "../inventory.yaml", "templates/user-data", "meta-data/user-data"):
        with pytest.raises(LookupError, match=r"^404"):
            machines.fetch(url + name)
    assert machines.sentences(MAC)[1].startswith('Sent file "user-data" (file, 53 bytes')


def test_its_templates_and_command_line_may_report_steps(folder: Path, netboot: Callable[..., Netboot]) -> None:
    edit(folder, "- console=ttyS0", '- r={{ REPORT "kernel" }} {{ SYSLOG "log_host=HOST" }}')
    late = "#cloud-config\n# {{ report('log in') }} {{ syslog('HOST:PORT') }}.\n"
    (folder / "templates" / "user-data").write_text(late)
    machines = netboot(booter(folder))
    line = machines.script().partition(" r=")[2]
    user_data = machines.fetch(seed(machines) + "user-data").decode()
    assert user_data.endswith(" .\n"), "no syslog is taken"
    for url in (line.split()[0], user_data.split()[2]):
        assert machines.get(url) == (200, "noted\n")
    told = [words for words in machines.sentences() if "reports" in words]
    assert told == [f"{MAC} reports: kernel", f"{MAC} reports: log in"]


def test_a_stranger_is_ignored_and_told_why(machines: Netboot) -> None:
    with pytest.raises(LookupError, match="404 you don't netboot: no group matches it, and there is no default"):
        machines.script(OTHER)


def test_a_machine_known_by_its_serial_number_is_offered_a_boot_before_it_tells_it(
    machines: Netboot, folder: Path
) -> None:
    """Firmware does not say its serial number by DHCP."""
    edit(folder, "serial: 0012", "serial: 0012\n    profile: debian")
    machines = Netboot(booter(folder))
    boot = machines.boot(OTHER, 7, serial="0012")
    assert boot is not None
    assert "hostname=node2" in boot.cmdline
    assert "to wait there: what it boots depends on what it says" in machines.log
    with pytest.raises(LookupError, match="404 you don't netboot"):
        machines.boot(OTHER, 7, serial="0013")
    machines.close()


def test_paths_may_depend_on_the_machine(folder: Path) -> None:
    edit(folder, "kernel: vmlinuz", "kernel: boot/{{ arch }}/{{ hostname }}-linux")
    edit(folder, "serial: 0012", "mac: 02:00:00:00:00:02")
    write(folder, {"boot/x86_64/node1-linux": "mine"})
    machines = Netboot(booter(folder))
    boot = machines.boot()
    assert boot is not None
    assert boot.kernel == b"mine"
    write(folder, {"more.yaml": "default: debian"})
    edit(folder, "{{ ip }}", "{{ ip | default('none') }}", "templates/user-data")
    machines.close()
    machines = Netboot(booter(folder))
    for name in ("", "../x", "a/b", "a\\b", "$x"):
        with pytest.raises(LookupError, match=r"404 .* which cannot be part of a path"):
            machines.boot(OTHER, 7, hostname=name)
    assert "where its kernel is depends on what it says" in machines.log
    machines.close()


def test_the_more_special_variable_wins(folder: Path) -> None:
    for old, new in (
        ("console=ttyS0", "a={{ a }} b={{ b }} c={{ c }} d={{ d }} e={{ e }}"),
        ("  domain: example.net", "  domain: x\n  a: 1\n  b: 1\n  c: 1\n  d: 1\n  e: true"),
        ("    kernel: vmlinuz", "    kernel: vmlinuz\n    vars: {b: 2, c: 2, d: 2}"),
        ("  - name: rack a", "  - name: rack a\n    vars: {c: 3, d: 3}"),
        ("{ip: 192.0.2.21}", "{ip: x, d: 4}"),
    ):
        edit(folder, old, new)
    machines = Netboot(booter(folder))
    boot = machines.boot()
    assert boot is not None
    assert boot.cmdline.startswith("a=1 b=2 c=3 d=4 e=true ")
    machines.close()


def test_files_come_from_everywhere(folder: Path) -> None:
    edit(
        folder,
        "      user-data: templates/user-data",
        """
      seed/user-data: {text: "hello {{ mac }} {{ url('tool') }} {{ url('seed/') }}"}
      seed/raw: {path: raw, template: false}
      big: {path: raw, template: false}
      tool: http://mirror.example/tool
""",
    )
    edit(folder, '{{ ID "/" }}', '{{ ID "seed/" }} big={{ ID "big" }}')
    (folder / "raw").write_bytes(b"{{ \xff }}")
    machines = Netboot(booter(folder))
    url = seed(machines)
    hello, mac, tool, again = machines.fetch(url + "user-data").decode().split()
    assert (hello, mac) == ("hello", MAC)
    assert tool.startswith("http://192.0.2.2/_/file?name=")
    assert machines.fetch(again + "user-data").startswith(b"hello")
    assert machines.fetch(url + "raw") == b"{{ \xff }}"
    assert machines.fetch(url + "meta-data").startswith(b"instance-id")
    big = machines.script().partition("big=")[2].split()[0]
    assert machines.fetch(big) == b"{{ \xff }}"
    machines.close()


def test_a_template_that_fails_for_a_stranger_costs_only_him(folder: Path) -> None:
    write(
        folder,
        {
            "more.yaml": "default: debian",
            "templates/user-data": "{{ {'node1': 1, 'node2': 2, 'sample': 3}[hostname] }}",
        },
    )
    machines = Netboot(booter(folder))
    url = seed(machines, OTHER)
    with pytest.raises(LookupError, match=r"^502 "):
        machines.fetch(url + "user-data")
    assert "templates/user-data line 1: 'dict object' has no attribute ''" in machines.log
    assert machines.fetch(seed(machines) + "user-data")
    machines.close()


def test_what_a_machine_says_of_itself_is_never_a_template(folder: Path) -> None:
    """Host names and serial numbers come from strangers."""
    edit(folder, "hostname={{ hostname }}", "s={{ serial }} p={{ product }}")
    edit(folder, "mac: 52:54:00:12:34:56", "mac: [52:54:00:12:34:56]")
    write(folder, {"templates/user-data": "{{ serial }}"})
    machines = Netboot(booter(folder))
    evil = '{{ ID "user-data" }}{{ 7 * 7 }}'
    script = machines.script(MAC, serial=evil, product="a init=/bin/sh\n|| ${net0/mac}")
    serial, product = script.partition(" s=")[2].split()[:2]
    assert serial == "".join(letter if letter.isalnum() or letter == "-" else "_" for letter in evil)
    assert product == "p=a_init_/bin/sh______net0/mac_"
    assert "hostname" not in machines.script(MAC, hostname="x init=/bin/sh").partition("boot kernel")[2]
    assert machines.fetch(seed(machines, serial=evil) + "user-data").decode() == evil
    machines.close()


def test_it_works_with_once(folder: Path, tmp_path: Path) -> None:
    edit(folder, "console=ttyS0", "done={{ DONE }}")
    machines = Netboot(booter(folder), Once(OnceSettings(enabled=True, database=tmp_path / "once.sqlite")))
    boot = machines.boot()
    assert boot is not None
    status, _ = machines.get(boot.cmdline.partition("done=")[2].split()[0])
    assert status == 200
    assert machines.boot() is None
    machines.close()


def test_an_inventory_that_cannot_be_used_refuses_to_start(folder: Path) -> None:
    edit(folder, "profile: debian", "profile: debain")
    with pytest.raises(ConfigError, match=r"--folder: inventory\.yaml line 26, groups\[0\]\.profile: there is no"):
        booter(folder)
    edit(folder, "rack: a*}}", "rack: a*}}\n    profil: x")
    edit(folder, "- name: node2", "- name: node_2")
    with pytest.raises(ConfigError, match="see: pixiecore inventory check"):
        booter(folder)


def until(condition: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < give_up
        gevent.sleep(0.02)


def test_an_edit_is_used_and_a_broken_one_is_not(
    folder: Path, caplog: pytest.LogCaptureFixture, netboot: Callable[..., Netboot]
) -> None:
    caplog.set_level("INFO", "pixiecore.inventory")
    machines = netboot(booter(folder))
    url = seed(machines)
    edit(folder, "#cloud-config", "#changed", "templates/user-data")
    until(lambda: machines.fetch(url + "user-data").startswith(b"#changed"))
    assert caplog.messages == ["loaded again: 1 profiles, 2 machines, 1 groups"]
    edit(folder, "profile: debian", "profile: debain")
    until(lambda: len(caplog.messages) == 2)
    told = "not used; what was there before still is: inventory.yaml line 26, groups[0].profile: there is no profile"
    assert caplog.messages[1].startswith(told)
    assert machines.boot() is not None
    edit(folder, "{{ ip }}", "{{ ipp }}", "templates/user-data")
    until(lambda: "'ipp'" not in caplog.messages[-1] or len(caplog.messages) == 3)
    assert b"ip: 192.0.2.21" in machines.fetch(url + "user-data")
    edit(folder, "debain", "debian")
    until(lambda: "'ipp' is undefined" in caplog.messages[-1])
    edit(folder, "{{ ipp }}", "{{ ip }}", "templates/user-data")
    until(lambda: caplog.messages[-1].startswith("loaded again"))


def test_new_folders_are_watched_and_a_replaced_one_is_found_again(
    folder: Path, caplog: pytest.LogCaptureFixture, netboot: Callable[..., Netboot]
) -> None:
    caplog.set_level("INFO", "pixiecore.inventory")
    (folder / "inventory").mkdir()
    root = standard(folder / "inventory")
    machines = netboot(booter(root))
    write(root, {"late/user-data": "late {{ mac }}"})
    edit(root, "templates/user-data", "late/user-data")
    until(lambda: machines.fetch(seed(machines) + "user-data").startswith(b"late"))
    write(root, {"late/user-data": "later {{ mac }}"})
    until(lambda: machines.fetch(seed(machines) + "user-data").startswith(b"later"))
    root.rename(folder / "old")
    until(lambda: any(message.startswith(f"{root} is gone or cannot be read") for message in caplog.messages))
    gevent.sleep(1.2)  # it is looked for again meanwhile
    assert machines.discover() is not None
    (folder / "new").mkdir()
    new = standard(folder / "new")
    edit(new, "console=ttyS0", "console=new")
    new.rename(root)
    until(lambda: "console=new" in machines.script())
    assert [message.split(":")[0].removeprefix(str(root)) for message in caplog.messages[-3:]] == [
        " is gone or cannot be read",
        " is back",
        "loaded again",
    ]


def test_sighup_loads_it_again_and_always_says_so(
    folder: Path,
    caplog: pytest.LogCaptureFixture,
    netboot: Callable[..., Netboot],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unavailable(*arguments: object) -> None:
        raise OSError(24, "Too many open files")

    caplog.set_level("INFO", "pixiecore.inventory")
    monkeypatch.setattr("pixiecore_inventory_booter.booter.Watcher", unavailable)
    made = booter(folder)
    machines = netboot(made)
    assert caplog.messages == [f"changes to {folder} are seen only after a SIGHUP: Too many open files"]
    edit(folder, "console=ttyS0", "console=new")
    for number in (2, 3):
        for _ in range(50):
            made.on_reload()  # fifty at once are one
        until(lambda number=number: len(caplog.messages) == number)  # type: ignore[misc]
        assert caplog.messages[-1].startswith("loaded again: 1 profiles")
    assert "console=new" in machines.script()
    edit(folder, "profile: debian", "profile: debain")
    for number in (4, 5):
        made.on_reload()
        until(lambda number=number: len(caplog.messages) == number)  # type: ignore[misc]
        assert caplog.messages[-1].startswith("not used; what was there before still is")


def test_whatever_goes_wrong_while_loading_the_next_edit_is_seen(
    folder: Path, caplog: pytest.LogCaptureFixture, netboot: Callable[..., Netboot], monkeypatch: pytest.MonkeyPatch
) -> None:
    machines = netboot(booter(folder))
    with monkeypatch.context() as broken:
        broken.setattr("pixiecore_inventory_booter.booter.load", lambda folder: 1 / 0)
        edit(folder, "console=ttyS0", "console=one")
        until(lambda: "cannot be loaded: ZeroDivisionError" in caplog.text)
    edit(folder, "console=one", "console=two")
    until(lambda: "console=two" in machines.script())


def test_a_link_that_leads_elsewhere_is_noticed(folder: Path, netboot: Callable[..., Netboot]) -> None:
    for name in ("1", "2"):
        (folder / name).mkdir()
        standard(folder / name)
    (folder / "current").symlink_to("1")
    machines = netboot(booter(folder / "current"))
    edit(folder / "2", "console=ttyS0", "console=second")
    (folder / "new").symlink_to("2")
    (folder / "new").rename(folder / "current")
    until(lambda: "console=second" in machines.script())
    edit(folder / "2", "console=second", "console=third")
    until(lambda: "console=third" in machines.script())


def test_a_config_map_of_kubernetes_is_noticed(tmp_path: Path, netboot: Callable[..., Netboot]) -> None:
    """Its files are links through `..data`, which the kubelet has lead to another folder when the map changes."""

    def put(version: str, cmdline: str) -> None:
        files = tmp_path / version
        files.mkdir()
        profile = f"{{kernel: http://mirror.example/vmlinuz, cmdline: {cmdline}}}"
        (files / "inventory.yaml").write_text(f"profiles: {{debian: {profile}}}\ndefault: debian\n")
        (tmp_path / "..data_tmp").symlink_to(version)
        (tmp_path / "..data_tmp").rename(tmp_path / "..data")

    put("..2026_1", "first")
    (tmp_path / "inventory.yaml").symlink_to("..data/inventory.yaml")
    machines = netboot(booter(tmp_path))
    assert "first" in machines.script()
    put("..2026_2", "second")
    shutil.rmtree(tmp_path / "..2026_1")
    until(lambda: "second" in machines.script())


def test_what_a_template_does_to_a_list_stays_there(folder: Path) -> None:
    edit(folder, "domain: example.net", "domain: example.net\n  keys: [base]")
    text = "{% set _ = keys.append(hostname) %}{% set _ = labels.update(x=1) %}{{ keys | tojson }}"
    edit(folder, (folder / "templates/user-data").read_text(), text, "templates/user-data")
    machines = Netboot(booter(folder))
    for _ in range(2):
        assert machines.fetch(seed(machines) + "user-data") == b'["base", "node1"]'
    machines.close()


def test_a_name_that_a_template_makes_up_reads_no_file(folder: Path) -> None:
    write(folder, {"templates/named": "named"})
    text = "{% if product %}{% include 'templates/' ~ product %}{% endif %}{% include 'templates/named' %}"
    edit(folder, (folder / "templates/user-data").read_text(), text, "templates/user-data")
    machines = Netboot(booter(folder))
    for product in ("../inventory.yaml", "../../../../../../../etc/passwd", "user-date"):
        with pytest.raises(LookupError, match=r"^502 "):
            machines.fetch(seed(machines, product=product) + "user-data")
    assert "an include must be written out by name" in machines.log
    assert machines.fetch(seed(machines, product="named") + "user-data") == b"namednamed"
    assert machines.fetch(seed(machines) + "user-data") == b"named"
    machines.close()


def test_an_include_may_be_missing_where_it_says_so(folder: Path) -> None:
    write(folder, {"templates/b": "b"})
    text = "{% include 'gone' ignore missing %}{% include ['gone', 'templates/b'] %}"
    edit(folder, (folder / "templates/user-data").read_text(), text, "templates/user-data")
    machines = Netboot(booter(folder))
    assert machines.fetch(seed(machines) + "user-data") == b"b"
    machines.close()


def test_a_uuid_may_come_in_another_order_of_bytes(folder: Path) -> None:
    edit(folder, "serial: 0012", "uuid: 00112233-4455-6677-8899-aabbccddeeff\n    profile: debian")
    made = booter(folder)
    for uuid in ("00112233-4455-6677-8899-aabbccddeeff", "33221100-5544-7766-8899-aabbccddeeff"):
        assert made.inventory.choose(Machine(mac=OTHER, uuid=uuid)).entry.name == "node2"


@pytest.mark.parametrize("typed", ["4CE0460D0G", "4ce0460d0g", "'4CE0460D0G '"])
def test_a_serial_number_is_typed_off_a_sticker(folder: Path, typed: str) -> None:
    edit(folder, "serial: 0012", f"serial: {typed}\n    profile: debian")
    machines = Netboot(booter(folder))
    assert "hostname=node2" in machines.script(OTHER, serial=" 4Ce0460D0g")
    machines.close()


def test_an_answer_does_not_wait_for_a_large_inventory(folder: Path) -> None:
    names = "\n".join(f"  - {{name: n{n}, mac: '02:00:00:00:{n >> 8:02x}:{n & 255:02x}'}}" for n in range(2000))
    write(folder, {"more.yaml": f"machines:\n{names}\n"})
    made = booter(folder)
    edit(folder, "console=ttyS0", "console=new")
    loading, turns = gevent.spawn(made.load_again), 0
    while not loading.dead:
        gevent.sleep(0.001)
        turns += 1
    assert made.inventory.choose(Machine(mac="02:00:00:00:07:cf")).entry is not None
    # Read on the loop, there would be one. How many there are is for Python's lock to say: a thread keeps it for 5 ms.
    assert turns > 3, "the loop stood still while the inventory was read"


def test_where_it_asked_from_was_forgotten_it_is_started_again(folder: Path) -> None:
    """A rule for an interface must not be skipped because Pixiecore was restarted meanwhile."""
    edit(folder, "match: {label: {rack: a*}}", "match: {interface: eth1}")
    edit(folder, "profile: debian", "profile: ignore")
    write(folder, {"more.yaml": "default: debian\nvars: {ip: x}"})
    machines = Netboot(booter(folder))
    with pytest.raises(LookupError, match=r"404 .* start it again"):
        machines.script(OTHER)
    assert machines.boot(OTHER, 7) is not None
    machines.close()


def test_a_text_is_never_cut_between_the_script_and_the_files(folder: Path) -> None:
    edit(folder, "match: {label: {rack: a*}}", "match: {hostname: '*.lab.example.net'}")
    write(folder, {"more.yaml": "vars: {ip: x}"})
    machines = Netboot(booter(folder))
    name = f"{'a' * 60}.{'b' * 60}.lab.example.net"
    assert f"fqdn: {name}.".encode() in machines.fetch(seed(machines, OTHER, hostname=name) + "user-data")
    with pytest.raises(LookupError, match=r"404 .*its product has over 255 characters"):
        machines.script(OTHER, hostname=name, product="x" * 256)
    machines.close()


def test_what_is_edited_before_anybody_watches_is_seen(folder: Path) -> None:
    made = booter(folder)
    edit(folder, "console=ttyS0", "console=new")
    machines = Netboot(made)
    until(lambda: "console=new" in machines.script())
    machines.close()


def test_serial_numbers_that_differ_by_case_are_one(folder: Path) -> None:
    edit(folder, "mac: 52:54:00:12:34:56", "serial: ABC")
    edit(folder, "serial: 0012", "serial: abc")
    with pytest.raises(ConfigError, match="abc is already 'node1''s"):
        booter(folder)


ASSETS = """
profiles: {live: {kernel: vmlinuz}, own: {kernel: vmlinuz, cmdline: own}}
machines: [{name: db1, serial: S1, profile: live}, {name: db2, mac: "52:54:00:00:00:02", profile: own}]
groups:
  - {match: {mac: "52:54:00:00:00:03"}, profile: own}
  - {match: {asset: "KEEP-*"}, profile: ignore}
default: live
"""


@pytest.mark.parametrize("address", [None, IPv4Address("192.0.2.77")])
def test_what_a_machine_without_ipxe_never_tells_decides_nothing_about_it(
    tmp_path: Path, address: IPv4Address | None
) -> None:
    """One that is to be kept by its asset tag must not be installed because nobody asked it for that."""
    made = booter(write(tmp_path, {"rules.yaml": ASSETS, "vmlinuz": "kernel"}))

    def decided(mac: str, **known: Any) -> Any:
        machine = Machine(mac=mac, address=address, interface="eth0", without_ipxe=True, uuid=UUID(int=7))
        return made.select_boot(machine.model_copy(update=known))

    kept = decided("52:54:00:00:00:01")
    assert isinstance(kept, Ignore)
    assert "with its MAC address or UUID" in kept.reason
    assert getattr(decided("52:54:00:00:00:02"), "cmdline", "") == "own", "it is known by name"
    assert isinstance(decided("52:54:00:00:00:03"), Ignore), "for all that is known it may be db1"


def test_where_a_machine_without_ipxe_is_will_be_known(tmp_path: Path) -> None:
    rules = "profiles: {live: {kernel: vmlinuz}}\ngroups: [{match: {subnet: 10.0.0.0/8}, profile: live}]\n"
    made = booter(write(tmp_path, {"rules.yaml": rules, "vmlinuz": "kernel"}))
    machine = Machine(mac=MAC, without_ipxe=True, interface="eth0")
    assert isinstance(made.select_boot(machine), Hold)
    placed = machine.model_copy(update={"address": IPv4Address("10.0.0.9")})
    assert isinstance(made.select_boot(placed), BootSpec)
