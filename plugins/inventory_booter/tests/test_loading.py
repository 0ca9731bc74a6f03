"""A folder becomes an inventory, or a list of all mistakes with their places."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from pixiecore_inventory_booter.command import inventory as inventory_command
from pixiecore_inventory_booter.loading import load
from pixiecore_inventory_booter.problems import InventoryError

from pixiecore_core import ConfigError, Machine

from .inventories import INVENTORY, MAC, booter, edit, standard, write


def problems(folder: Path) -> list[str]:
    with pytest.raises(InventoryError) as caught:
        load(str(folder))
    return [str(problem) for problem in caught.value.problems]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return standard(tmp_path)


def test_the_standard_inventory_is_fine(folder: Path) -> None:
    loaded = load(str(folder))
    assert loaded.warnings == []
    assert [entry.name for entry in loaded.inventory.machines] == ["node1", "node2"]
    assert loaded.inventory.machines[1].serial == "0012"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "profile: debian",
            "profile: debain",
            "line 26, groups[0].profile: there is no profile 'debain'; did you mean",
        ),
        ("labels:", "lables:", "line 18, machines[0].lables: there is no key 'lables'; did you mean 'labels'?"),
        ("    kernel: vmlinuz\n", "", "line 5, profiles.debian: kernel is missing"),
        (
            "    kernel: vmlinuz\n",
            "    efi: memtest.efi\n",
            "profiles.debian: efi takes the place of kernel and initrd",
        ),
        ("kernel: vmlinuz", "kernel: vmlinux", "line 6, profiles.debian.kernel: vmlinux cannot be read: No such file"),
        ("initrd: initrd.img", "initrd: ftp://h/x", "profiles.debian.initrd[0]: 'ftp://h/x': only http and https"),
        ("kernel: vmlinuz", "kernel: templates", "kernel: templates cannot be read: Is a directory"),
        ("52:54:00:12:34:56", "52:54:00:12:34", "line 17, machines[0].mac: '52:54:00:12:34' is not a MAC address"),
        ("name: node1", "name: node_1", "line 16, machines[0].name: 'node_1' is not a host name"),
        ("name: node2", "name: node1", "line 20, machines[1].name: node1 is already 'node1''s"),
        ("serial: 0012", "mac: 52:54:00:12:34:56", "machines[1].mac: 52:54:00:12:34:56 is already 'node1''s"),
        ("    serial: 0012\n", "", "line 20, machines[1]: needs a mac, a uuid or a serial to be recognised by"),
        ("match: {label: {rack: a*}}", "match: {}", "line 25, groups[0].match: needs a condition"),
        (
            "match: {label: {rack: a*}}",
            "match: {arch: sparc}",
            "groups[0].match.arch: there is no architecture 'sparc'",
        ),
        ("match: {label: {rack: a*}}", "match: {subnet: 192.0.2.1/24}", "groups[0].match.subnet"),
        ('ID "/"', 'ID "seed/"', "line 8, profiles.debian.cmdline: there is no file 'seed/'; known are user-data"),
        ('{{ ID "/" }}', '{{ ID "/" }', "profiles.debian.cmdline: '{{' is not closed by '}}'"),
        (
            "{{ hostname }}\n      - ds",
            "{{ hostnam }}\n      - ds",
            "there is no variable 'hostnam' for its command line",
        ),
        ("Installing {{ hostname }}", "Now {{ x }}", "profile 'debian': there is no variable 'x' for its message"),
        ("Installing {{ hostname }}", "{{ hostname }}", "message: a value that begins with {{ needs quotes around it"),
        ("domain: example.net", "mac: x", "line 3, vars.mac: 'mac' is something every machine already has"),
        ("domain: example.net", "Domain: x", "line 3, vars.Domain: 'Domain' is not a variable name"),
        ("user-data: t", "../user-data: t", "'../user-data' is not a file name"),
        ("user-data: t", "user-data: {path: x, text: y} #", "files.user-data: give either a path or a text"),
        ("templates/user-data", "templates/gone", "templates/gone: is not there"),
        ("- console=ttyS0", "- console: ttyS0", "profiles.debian.cmdline: {'console': 'ttyS0'} is not a word"),
        ("- console=ttyS0", "- true", "profiles.debian.cmdline: true is not a word"),
        ("label: {rack: a*}", "subnet: 10", "groups[0].match.subnet: 10 is not a network such as 192.0.2.0/24"),
        ("label: {rack: a*}", "subnet: 192.0.2.1/24", "in a network; did you mean 192.0.2.0/24?"),
        ("match: {label: {rack: a*}}", "vars: {ip: x}\n    match: {arch: AMD64}", None),
        ("label: {rack: a*}", "arch: AMD64", "groups[0]: profile 'debian': the file user-data cannot be rendered"),
        ("label: {rack: a*}", "mac: 52:54:00:12:34:56", None),
        ("label: {rack: a*}", "mac: 52:54:00:12:34", "templates/user-data line 3: 'ip' is undefined"),
        ("label: {rack: a*}", "serial: '0012'", None),
        ("kernel: vmlinuz", "kernel: ''", "profiles.debian.kernel: it is empty, and must be a path or an http(s) URL"),
        ("kernel: vmlinuz", "vars: {k: ''}\n    kernel: '{{ k }}'", "kernel: it is empty, and must be a path"),
        ("Installing {{ hostname }}", "|-\n      {{ hostname }}\n      {{ mac }}", None),
        ("Installing {{ hostname }}", "'{{ hostname | upper }}'", "message: {{ hostname | upper }} is not of the form"),
        ("kernel: vmlinuz", "kernel: '{{ domain }}/vmlinuz'", "example.net/vmlinuz cannot be read: No such file"),
        ("kernel: vmlinuz", "kernel: '{{ arch }}/vmlinuz'", None),
        ("kernel: vmlinuz", "kernel: 'a/{{ subnet }}/k'", "its subnet is '192.0.2.0/24', which cannot be part"),
        ("vars:\n  domain", "x-base: &base {a: 1}\nvars:\n  <<: *base\n  domain", None),
        ("    vars: {ip: 192.0.2.22}", "    vars:", None),
        ("user-data: templates/user-data", "user-data: http://mirror.example/x", None),
        (
            "    profile: debian\n",
            "    profile: debian\n    local: true\n",
            "groups[0]: local: true takes the place of",
        ),
        (
            "    labels: {rack: a7}\n",
            "    profile: debian\n    local: true\n",
            "machines[0]: local: true takes the place",
        ),
        ("    profile: debian\n", "    local: true\n", None),
        ("    profile: debian\n", "    local: false\n", "groups[0]: profile is missing"),
        ("  debian:", "  ignore:", "profiles.ignore: 'ignore' means not booting"),
        ("vars: {ip: 192.0.2.21}", "vars: {ip: [1]}", None),
        ("{{ hostname }}\n      - ds", "{{ ip }}\n      - ds", None),
    ],
)
def test_a_mistake_is_told_with_its_place(folder: Path, old: str, new: str, message: str | None) -> None:
    edit(folder, old, new)
    if message is None:
        load(str(folder))
    else:
        assert message in "\n".join(problems(folder))


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("a\n{{ hostnam }}\n", "templates/user-data line 2: 'hostnam' is undefined"),
        ("a\n{% if %}\n", "templates/user-data line 2: Expected an expression"),
        ("a\n{{ 1 / 0 }}", "templates/user-data line 2: ZeroDivisionError: division by zero"),
        ("{{ url('gone') }}", "line 1: there is no file 'gone'; known are user-data"),
        ("{% include 'templates/gone' %}", "templates/gone: is not there"),
        (f"{{{{ {'(' * 2000}1{')' * 2000} }}}}", "templates/user-data: cannot be compiled"),
        ("{{ {'x86_64': 'amd64'}[arch] }}{{ address.split('.')[3] }}{{ uuid.split('-')[4] }}", ""),
        ("{{ {'A1': 1}[product] }}", ""),
        ("{{ ''.__class__.__mro__ }}", "is unsafe"),
        ("a\n{{ '\\ud800' }}", "templates/user-data: UnicodeEncodeError"),
        ("{% include 'templates/user-data' %}", "RecursionError"),
    ],
)
def test_a_template_is_tried_before_any_machine_gets_it(folder: Path, template: str, message: str) -> None:
    edit(folder, (folder / "templates/user-data").read_text(), template, "templates/user-data")
    if message:
        assert message in "\n".join(problems(folder))
    else:
        load(str(folder))


def test_a_template_that_is_no_text(folder: Path) -> None:
    (folder / "templates/user-data").write_bytes(b"\xff\x00")
    assert "is not UTF-8 text; with template: false it is served as it is" in problems(folder)[0]


def test_all_mistakes_are_told_at_once(folder: Path) -> None:
    edit(folder, "kernel: vmlinuz", "kernel: gone")
    edit(folder, "rack: a*}}\n    profile: debian", "rack: a*}}\n    profile: debain")
    write(folder, {"more.toml": 'default = "gone"'})
    assert len(problems(folder)) == 2  # what refers to what; only then whether it is there
    edit(folder, "debain", "debian")
    write(folder, {"more.toml": ""})
    assert len(problems(folder)) == 1


def test_a_list_is_nothing_for_a_command_line(folder: Path) -> None:
    edit(folder, "ip: 192.0.2.21", "ip: [1]")
    edit(folder, "console=ttyS0", "ip={{ ip }}")
    assert "machines[0]: profile 'debian': the variable 'ip' is a list or table" in problems(folder)[0]


def test_a_machine_without_its_variable_is_told_by_name(folder: Path) -> None:
    edit(folder, "    vars: {ip: 192.0.2.21}\n", "")
    assert problems(folder) == [
        "inventory.yaml line 16, machines[0]: profile 'debian': the file user-data cannot be rendered: "
        "templates/user-data line 3: 'ip' is undefined"
    ]


def test_what_strangers_lack_is_a_mistake_unless_it_has_a_default(folder: Path) -> None:
    write(folder, {"more.yaml": "default: debian"})
    assert problems(folder) == [
        "more.yaml line 1, default: profile 'debian': the file user-data cannot be rendered: "
        "templates/user-data line 3: 'ip' is undefined"
    ]
    edit(folder, "{{ ip }}", "{{ ip | default('none') }}", "templates/user-data")
    edit(folder, "console=ttyS0", "disk={{ disk }}")
    assert "more.yaml line 1, default: profile 'debian': there is no variable 'disk' for its command line" in "\n".join(
        problems(folder)
    )
    edit(folder, "  domain: example.net", "  domain: example.net\n  disk: /dev/sda")
    assert load(str(folder)).warnings == []


def test_several_files_are_one_inventory(folder: Path) -> None:
    write(
        folder,
        {
            "a.toml": """
                default = "ignore"
                [[groups]]
                match.arch = "arm64"
                profile = "debian"
            """,
            "templates/user-data": "{{ ip | default('none') }}",
            "templates/not-an-inventory.yaml": "rubbish: [",
            ".hidden.yaml": "rubbish: [",
        },
    )
    loaded = load(str(folder)).inventory
    assert [group.target.why for group in loaded.groups] == ["groups[0] in a.toml", "group 'rack a'"]
    write(folder, {"b.yaml": INVENTORY})
    text = "\n".join(problems(folder))
    assert "inventory.yaml line 5, profiles.debian: is in b.yaml too (profiles.debian)" in text
    assert "inventory.yaml line 3, vars.domain: is in another file too" in text
    write(folder, {"b.yaml": "default: debian"})
    assert "b.yaml line 1, default: is in a.toml too" in problems(folder)


def test_a_folder_that_holds_nothing(tmp_path: Path) -> None:
    assert "holds no .yaml, .yml or .toml file" in problems(tmp_path)[0]
    for text in ("", "vars: {a: b}"):
        write(tmp_path, {"a.yaml": text})
        assert "holds no profile, machine, group or default" in problems(tmp_path)[0]
    (tmp_path / "a.yaml").unlink()
    assert "cannot be read: No such file" in problems(tmp_path / "gone")[0]


def test_an_inventory_that_was_emptied_is_not_used(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    made = booter(folder)
    (folder / "inventory.yaml").write_text("# nothing\n")
    made.load_again()
    assert caplog.messages == [
        f"not used; what was there before still is: {folder}: holds no profile, machine, group or default"
    ]
    assert made.inventory.choose(Machine(mac=MAC)).target.bootable is not None
    (folder / "inventory.yaml").write_text("default: ignore\n")
    made.load_again()
    assert made.inventory.choose(Machine(mac=MAC)).target.bootable is None


def test_the_digest_tells_whether_anything_changed(folder: Path) -> None:
    before = load(str(folder)).digest
    assert load(str(folder)).digest == before
    edit(folder, "#cloud-config", "#cloud-config ", "templates/user-data")
    assert load(str(folder)).digest != before


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(inventory_command, arguments)
    return done.exit_code, done.output


def test_check_says_what_boots_what(folder: Path) -> None:
    status, text = run("check", str(folder))
    assert status == 0
    assert text.splitlines() == [
        "profile debian",
        "machine node1: debian (group 'rack a')",
        "machine node2: ignored (no group matches it, and there is no default)",
        "group 'rack a': debian",
        "all others: ignored",
        "1 profiles, 2 machines, 1 groups: it can be used",
    ]
    edit(folder, "    profile: debian\n", "    local: true\n")
    assert "machine node1: its disk (group 'rack a')" in run("check", str(folder))[1].splitlines()


def test_check_names_every_way_that_a_machine_may_go(folder: Path) -> None:
    more = """
        machines:
          - {name: own, mac: '02:00:00:00:00:03', profile: debian, vars: {ip: x}}
        groups:
          - {match: {arch: arm64}, profile: ignore}
    """
    write(folder, {"a.yaml": more})
    lines = run("check", str(folder))[1].splitlines()
    assert "machine own: debian" in lines
    assert "machine node1: ignored (groups[0] in a.yaml), or debian (group 'rack a')" in lines


def test_the_same_mistake_at_the_same_place_is_told_once(folder: Path) -> None:
    edit(folder, "    vars: {ip: 192.0.2.21}\n", "")
    more = """
        groups:
          - {match: {label: {rack: a7}, arch: x86_64}, profile: debian}
          - {match: {label: {rack: a7}, arch: arm64}, profile: debian}
    """
    write(folder, {"a.yaml": more})
    assert len(problems(folder)) == 1


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("DONE", ""),
        ("DONNE", "'DONNE'; did you mean 'DONE'?"),
        ("TOKEN", "'TOKEN'; is that plugin installed?"),
    ],
)
def test_check_warns_of_a_word_that_is_nobodys(folder: Path, word: str, message: str) -> None:
    edit(folder, "console=ttyS0", f"x={{{{ {word} }}}}")
    status, text = run("check", str(folder))
    assert status == 0
    before = "profiles.debian.cmdline: its boot ends at the script (HTTP 500) unless a plugin gives the word "
    warnings = [line for line in text.splitlines() if line.startswith("warning: inventory.yaml line")]
    assert [line.partition(before)[2] for line in warnings] == [message] * bool(message)


def test_check_warns_of_a_word_whose_plugin_is_not_installed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    edit(folder, "console=ttyS0", "x={{ DONE }}")
    monkeypatch.setattr("importlib.metadata.entry_points", lambda **names: [])
    assert "the word 'DONE'; it belongs to 'once', which is not installed here" in run("check", str(folder))[1]


def test_check_lists_every_problem_and_ends_with_status_1(folder: Path) -> None:
    edit(folder, "profile: debian", "profile: debain")
    edit(folder, "console=ttyS0", """'{{ ID "x" }}'""")
    status, text = run("check", str(folder))
    assert status == 1
    assert len(text.splitlines()) == 3
    assert "2 problems: it cannot be used" in text


def test_check_wants_a_folder(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"FOLDER: .*gone is not a folder"):
        CliRunner().invoke(inventory_command, ["check", str(folder / "gone")], catch_exceptions=False)
