"""The command as a user types it: its messages and its exit status."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from pixiecore_core.cli import main
from tests.command import failure, pixiecore
from tests.processes import HIGH_PORTS, PIXIECORE, install_plugin, process, read_until, serving
from tools.metadata import REPOSITORY


@pytest.fixture
def kernel(tmp_path: Path) -> Path:
    path = tmp_path / "vmlinuz"
    path.write_bytes(b"kernel")
    return path


def test_version() -> None:
    assert pixiecore("--version").stdout == "pixiecore 0.2.0\n"


@pytest.mark.parametrize(
    "command",
    [
        [],
        ["run"],
        ["run", "--booter", "static"],
        ["boot"],
        ["api"],
        ["plugins"],
        ["firmware"],
        ["fetch"],
        ["cache"],
        ["cache", "ls"],
        ["cache", "verify"],
        ["cache", "prune"],
    ],
    ids=" ".join,
)
def test_every_help_has_an_example(command: list[str]) -> None:
    done = pixiecore(*command, "--help")
    assert done.returncode == 0
    assert "pixiecore " in done.stdout.partition("Usage")[2].partition("\n")[2]


def test_the_booters_settings_become_options() -> None:
    text = pixiecore("run", "--booter", "static", "--help").stdout
    for option in ("--kernel", "--initrd", "--cmdline", "--message"):
        assert option in text
    assert "PIXIECORE_STATIC_KERNEL" in text


def test_run_without_a_booter_names_the_installed_ones() -> None:
    assert "installed: api, inventory, quick, static" in failure(pixiecore("run"), 2)
    assert "no booter 'nope'; known are api, inventory, quick, static" in failure(
        pixiecore("run", "--booter", "nope"), 2
    )


def test_a_missing_setting_says_where_it_can_be_given() -> None:
    message = failure(pixiecore("run", "--booter", "static", *HIGH_PORTS), 2)
    assert message == (
        "Error: --kernel: is needed; give it here, as PIXIECORE_STATIC_KERNEL or as kernel in [booter.static]\n"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["boot", "/nonexistent"], "KERNEL: /nonexistent cannot be read: No such file or directory"),
        (["boot", "KERNEL", "/nonexistent"], "INITRD: /nonexistent cannot be read: No such file or directory"),
        (["boot", "ftp://server/vmlinuz"], "only http and https URLs"),
        (["boot", "http:///vmlinuz"], "is a URL without a usable host"),
        (["boot", "KERNEL", "--cmdline", 'x {{ ID "/nope" }}'], "--cmdline: /nope cannot be read"),
        (["boot", "KERNEL", "--cmdline", "x {{ 1 }}"], "--cmdline: {{ 1 }} is not of the form"),
        (["boot", "KERNEL", "--port", "99999"], "--port: Input should be less than or equal to 65535"),
        (["boot", "KERNEL", "--dhcp", "many"], "--dhcp: give PORT, ADDRESS:PORT or 'off'"),
        (["boot", "KERNEL", "--ipxe-bios", "/nope"], "--ipxe-bios: /nope cannot be read"),
        (["boot", "KERNEL", "--log-format", "xml"], "--log-format: Input should be 'text' or 'json'"),
        (["boot"], "Missing argument 'KERNEL'"),
        (["boto"], "No such command 'boto'"),
    ],
)
def test_mistakes_are_named_with_status_2(kernel: Path, arguments: list[str], message: str) -> None:
    given = [str(kernel) if argument == "KERNEL" else argument for argument in arguments]
    high_ports = HIGH_PORTS[2:] if arguments[0] == "boot" and len(arguments) > 1 and "--dhcp" not in given else []
    assert message in failure(pixiecore(*given, *high_ports), 2)


def test_settings_come_from_environment_and_file_in_order(kernel: Path, tmp_path: Path) -> None:
    config = tmp_path / "pixiecore.toml"
    config.write_text('[server]\nbooter = "static"\nport = "rubbish"\n[booter.static]\nkernel = "/from/file"\n')
    run = ["run", "--config", str(config), *HIGH_PORTS[:-2]]
    assert "[server] port: Input should be a valid integer" in failure(pixiecore(*run), 2)
    assert "PIXIECORE_PORT: Input should be" in failure(pixiecore(*run, PIXIECORE_PORT="junk"), 2)
    assert "[booter.static] kernel: /from/file" in failure(pixiecore(*run, "--port", "0"), 2)
    assert "PIXIECORE_STATIC_KERNEL: /from/environment" in failure(
        pixiecore(*run, "--port", "0", PIXIECORE_STATIC_KERNEL="/from/environment"), 2
    )
    assert "--kernel: /from/option" in failure(pixiecore(*run, "--port", "0", "--kernel", "/from/option"), 2)


def test_an_unknown_key_in_the_file_names_the_nearest(tmp_path: Path) -> None:
    config = tmp_path / "pixiecore.toml"
    config.write_text("[server]\nprot = 80\n")
    done = pixiecore("run", "--booter", "static", "--config", str(config))
    assert "[server] prot: there is no setting 'prot'; did you mean 'port'?" in failure(done, 2)
    config.write_text("[sever]\n")
    assert "did you mean 'server'?" in failure(pixiecore("run", "--config", str(config)), 2)
    config.write_text("not toml")
    assert "is not TOML" in failure(pixiecore("run", "--config", str(config)), 2)
    config.write_text("[server]\nport = 80\n\n[booter.api]\n[server]\n")
    assert "has the table [server] a second time in line 5" in failure(pixiecore("run", "--config", str(config)), 2)
    config.write_text("[booter.api]\n[booter.api]\n")
    assert "has the table [booter.api] a second time" in failure(pixiecore("run", "--config", str(config)), 2)
    for text in ("a = " + "[" * 5000, f"a = {'9' * 6000}"):
        config.write_text(text)
        assert "is not TOML" in failure(pixiecore("run", "--config", str(config)), 2)
    assert "cannot be read" in failure(pixiecore("run", "--config", "/nope.toml"), 2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("server = 1", "server in FILE: expected a table [server]"),
        ('booter = "static"', "booter in FILE: expected a table [booter.NAME] for each booter; which one to use is"),
        ("[booter]\nstatic = 1", "[booter] static in FILE: expected a table [booter.NAME] for each booter"),
        ("plugin = []", "plugin in FILE: expected a table [plugin.NAME] for each plugin"),
        ("[booter.statik]", "[booter.statik]: there is no booter 'statik'; did you mean 'static'?"),
        ("[booter.mine]", "[booter.mine]: there is no booter 'mine'; known are api, inventory, quick, static"),
        ("[plugin.foo]", "[plugin.foo]: there is no plugin 'foo'; known are allowlist, once"),
        ('[server]\nboooter = "static"', "[server] boooter: there is no setting 'boooter'; did you mean 'booter'?"),
        ("[server]\ninterface = 5", "[server] interface: Input should be a valid list"),
    ],
)
def test_mistakes_in_the_file_are_named(tmp_path: Path, text: str, message: str) -> None:
    config = tmp_path / "pixiecore.toml"
    config.write_text(text)
    done = pixiecore("run", "--booter", "static", "--config", str(config))
    assert message.replace("FILE", str(config)) in failure(done, 2)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    """Of every table, of names and of values, and those of the environment and the command line with them."""
    config = tmp_path / "pixiecore.toml"
    config.write_text(
        '[server]\nport = "x"\nprot = 1\ndisable_plugin = 5\n[booter.static]\nkernl = "/x"\n[booter.api]\nurll = "x"\n'
        '[plugin.once]\nunknown = "x"\nenabled = "x"\n[foo]\n'
    )
    given = ["--booter", "static", "--config", str(config), "--hook-timeout", "soon"]
    for command in ("run", "config"):
        lines = failure(pixiecore(command, *given, PIXIECORE_ALLOWLIST_UNLISTED="x"), 2).splitlines()
        assert all(line.startswith("Error: ") for line in lines)
        assert [line.split(": ")[1] for line in lines] == [
            "[server] disable_plugin",
            f"[foo] in {config}",
            "[server] prot",
            "[booter.static] kernl",
            "[booter.api] urll",
            "[server] port",
            "--hook-timeout",
            "PIXIECORE_ALLOWLIST_UNLISTED",
            "[plugin.once] enabled",
            "[plugin.once] unknown",
        ]


@pytest.mark.parametrize("command", [["run"], ["select", "--mac", "52:54:00:12:34:56"]], ids=" ".join)
def test_what_a_missing_or_unknown_booter_leaves_to_tell_is_told(command: list[str], tmp_path: Path) -> None:
    config = tmp_path / "pixiecore.toml"
    config.write_text("[server]\nprot = 1\n")
    lines = failure(pixiecore(*command, "--config", str(config)), 2).splitlines()
    assert [line.split(": ")[1] for line in lines] == ["--booter", "[server] prot"]
    config.write_text('[server]\nprot = 1\nbooter = "statik"\n')
    lines = failure(pixiecore(*command, "--config", str(config)), 2).splitlines()
    assert [line.split(": ")[1] for line in lines] == ["[server] booter", "[server] prot"]


@pytest.mark.parametrize("command", [["firmware"], ["plugins"], ["cache", "ls"]], ids=" ".join)
def test_commands_that_serve_nothing_look_at_their_own_values_only(command: list[str], tmp_path: Path) -> None:
    config = tmp_path / "pixiecore.toml"
    config.write_text('[server]\nport = "x"\ncache_dir = "nowhere"\n[plugin.once]\nenabled = "x"\n')
    done = pixiecore(*command, "--config", str(config))
    assert "port" not in done.stderr
    config.write_text("[server]\nprot = 1\n[foo]\n")
    message = failure(pixiecore(*command, "--config", str(config)), 2)
    assert "[server] prot: there is no setting 'prot'" in message
    assert "[foo] in" in message


def test_firmware_reads_the_settings_file(kernel: Path, tmp_path: Path) -> None:
    config = tmp_path / "pixiecore.toml"
    config.write_text(f'[server]\nipxe_bios = "{kernel}"\n')
    assert str(kernel) in pixiecore("firmware", "--config", str(config)).stdout
    assert str(kernel) in pixiecore("firmware", PIXIECORE_CONFIG=str(config)).stdout
    other = kernel.with_name("other")
    other.write_bytes(b"iPXE")
    text = pixiecore("firmware", "--config", str(config), "--ipxe-bios", str(other)).stdout
    assert str(other) in text
    assert str(kernel) not in text


def test_a_plugin_is_disabled_in_the_settings_file(tmp_path: Path) -> None:
    """Which is read before any plugin is loaded: one that is broken, too."""
    install_plugin(tmp_path, "1 / 0")
    config = tmp_path / "pixiecore.toml"
    config.write_text('[server]\ndisable_plugin = ["broken", "once"]\n[plugin.once]\nany = "thing"\n')
    for given, environment in (
        (["--config", str(config)], {}),
        ([f"--config={config}"], {}),
        (
            [],
            {"PIXIECORE_CONFIG": str(config)},
        ),
    ):
        done = pixiecore("plugins", *given, PYTHONPATH=str(tmp_path), **environment)
        assert done.returncode == 0, done.stderr
        assert {"broken  (disabled)", "once  (disabled)"} <= set(done.stdout.splitlines())
    config.write_text('[server]\ndisable_plugin = "once"\n')
    lines = pixiecore("--disable-plugin", "api", "plugins", "--config", str(config)).stdout.splitlines()
    assert {"once  (disabled)", "api  (disabled)"} <= set(lines)
    config.write_text('[server]\ndisable_plugin = "onec"\n')
    message = failure(pixiecore("plugins", "--config", str(config)), 2)
    assert message == "Error: [server] disable_plugin: there is no installed plugin 'onec'; did you mean 'once'?\n"


def test_a_disabled_plugins_table_may_stay_in_the_file(tmp_path: Path) -> None:
    config = tmp_path / "pixiecore.toml"
    config.write_text("[booter.api]\n[plugin.api]\n")
    done = pixiecore("--disable-plugin", "api", "run", "--booter", "static", "--config", str(config), *HIGH_PORTS)
    assert "--kernel: is needed" in failure(done, 2)


def test_the_flags_of_the_first_pixiecore_are_explained() -> None:
    for flag, now in {"-kernel": "boot K A B", "-api=http://h/": "api URL", "--kernel": "boot K A B"}.items():
        message = failure(pixiecore(flag, "x"), 2)
        assert f"now it is `pixiecore {now}" in message
        assert "No such option" not in message
    assert "2016" not in failure(pixiecore("--kernle", "x"), 2)


def test_the_flags_of_the_first_pixiecore_become_what_the_migration_page_says() -> None:
    page = (Path(__file__).parents[2] / "docs/how-to/migrate-from-go.md").read_text()
    table = page.partition("| then | now |")[2].partition("## ")[0]
    then = [line.split(" | ")[0] for line in table.splitlines() if line.startswith("| `")]
    flags = [flag for cell in then for flag in re.findall(r"(?<=[ `])-[a-z-]+", cell)]
    assert len(flags) == 11
    for flag in flags:
        assert f"`{flag}` without one is of the Pixiecore of 2016" in failure(pixiecore(flag, "x"), 2)


@pytest.mark.parametrize(
    "command", [["bootipv6"], ["ipv6api", "http://h/"], ["debug", "dump-ipxe"], ["debug", "tcpdump", "eth0"]]
)
def test_commands_of_the_go_tool_that_are_gone_get_the_migration_page_s_answer(command: list[str]) -> None:
    message = failure(pixiecore(*command), 2)
    assert "No such command" not in message
    name = " ".join(command[:2]) if command[0] == "debug" else command[0]
    found = re.search(f"`pixiecore {name}` of the Go Pixiecore: (.+)", message)
    assert found is not None
    page = (Path(__file__).parents[2] / "docs/how-to/migrate-from-go.md").read_text()
    row = next(line for line in page.splitlines() if line.startswith("|") and f"`pixiecore {name}`" in line)
    assert row.split(" | ")[1].removesuffix(" |") == found[1]
    assert f"See {REPOSITORY}/blob/main/docs/how-to/migrate-from-go.md" in message


def test_debug_alone_names_what_it_had_and_other_words_are_no_command() -> None:
    assert failure(pixiecore("debug"), 2).count("of the Go Pixiecore") == 2
    assert "No such command 'debug'" in failure(pixiecore("debug", "nonsense"), 2)


def test_an_address_that_is_not_ours_is_told_with_those_that_are(kernel: Path) -> None:
    anywhere = [*HIGH_PORTS[2:], "--listen-addr", "192.0.2.77"]
    message = failure(process("boot", str(kernel), *anywhere), 1)
    assert "Error: --listen-addr: 192.0.2.77 is not an address of this host, which has: " in message
    assert "127.0.0.1 (lo)" in message
    message = failure(process("boot", str(kernel), *HIGH_PORTS, "--http", "192.0.2.77:0"), 1)
    assert "Error: --http: 192.0.2.77 is not an address of this host" in message


def test_a_port_in_use_is_named_with_its_holder(kernel: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
        holder.bind(("127.0.0.1", 0))
        port = holder.getsockname()[1]
        done = process("boot", str(kernel), *HIGH_PORTS, "--tftp", str(port))
        beside = process("boot", str(kernel), *HIGH_PORTS, "--dhcp", f"127.0.0.1:{port}")
    message = failure(done, 1)
    assert f"UDP port {port} (TFTP) is in use by" in message
    assert "or listen for DHCP beside it with --dhcp-no-bind" in failure(beside, 1)
    assert f"(process {os.getpid()})" in message
    assert "--tftp" in message


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody without capabilities")
def test_without_capabilities_it_says_which_and_how_to_get_them(kernel: Path) -> None:
    drop = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
    done = subprocess.run(
        [*drop, *PIXIECORE, "boot", str(kernel), "--dhcp-no-bind"], capture_output=True, text=True, check=False
    )
    message = failure(done, 1)
    assert "cap_net_bind_service and cap_net_raw missing" in message
    for way in (
        "sudo setcap 'cap_net_bind_service,cap_net_raw=+ep'",
        "AmbientCapabilities=",
        "--cap-add=NET_BIND_SERVICE --cap-add=NET_RAW",
        "leave out",
        "high ports",
    ):
        assert way in message
    spaced = kernel.rename(kernel.with_name("my kernel"))
    raw = ["boot", str(spaced), "--dhcp-no-bind", *HIGH_PORTS, "--cmdline", "a b"]
    message = failure(subprocess.run([*drop, *PIXIECORE, *raw], capture_output=True, text=True, check=False), 1)
    assert "needs: cap_net_raw missing" in message
    assert "leave out --dhcp-no-bind" in message
    assert "high ports" not in message
    assert f"sudo {sys.executable} -m pixiecore_core boot '{spaced}'" in message
    assert message.count("'a b'") == 1


def test_where_no_file_gives_privileges_other_ways_are_named(kernel: Path) -> None:
    """As of ``docker run --security-opt no-new-privileges``, which sudo and setcap cannot help."""
    withheld = ["setpriv", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]
    done = subprocess.run([*withheld, *PIXIECORE, "boot", str(kernel)], capture_output=True, text=True, check=False)
    message = failure(done, 1)
    assert "without no_new_privs" in message
    assert "--user 0:0" in message
    assert "setcap" not in message
    assert "sudo" not in message


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_in_time_and_frees_every_port(kernel: Path, number: signal.Signals) -> None:
    with serving("boot", str(kernel), *HIGH_PORTS) as process:
        ready = read_until(process, "Ready")[-1]
        http = int(ready.partition("HTTP on port ")[2].partition(",")[0])
        # A client that never says anything must not hold it up.
        with socket.create_connection(("127.0.0.1", http)):
            process.send_signal(number)
            assert process.wait(timeout=10) == 0, "1, where it took longer than signals.PATIENCE"
        _, *udp = re.findall(r"on port (\d+)", ready)
        for port in map(int, udp):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                probe.bind(("127.0.0.1", port))


def test_it_serves_what_the_command_line_says_and_logs_json(kernel: Path) -> None:
    with serving("boot", str(kernel), *HIGH_PORTS, "--bootmsg", "Hello", "--log-format", "json") as process:
        ready = json.loads(read_until(process, "Ready")[-1])
        http = ready["event"].partition("HTTP on port ")[2].partition(",")[0]
        base = f"http://127.0.0.1:{http}"
        script = urllib.request.urlopen(f"{base}/_/ipxe?mac=52:54:00:12:34:56&arch=i386&platform=pcbios").read()
        assert b"echo Hello\n" in script
        url = script.split(b"kernel --name kernel ")[1].split()[0].decode()
        assert urllib.request.urlopen(url).read() == b"kernel"
        line = json.loads(read_until(process, "Sent file")[-1])
        assert (line["kind"], line["mac"], line["bytes"]) == ("kernel-sent", "52:54:00:12:34:56", 6)


def test_plugins_are_listed() -> None:
    text = pixiecore("plugins").stdout
    assert "static  (pixiecore-static-booter 0.2.0)" in text
    assert "booter static: Boots every machine into one kernel." in text
    assert "settings: --kernel, --initrd, --efi, --dtb, --cmdline, --message" in text


def test_plugins_are_listed_in_the_order_in_which_they_are_asked(tmp_path: Path) -> None:
    config = tmp_path / "pixiecore.toml"
    config.write_text('server.plugin_order = ["once"]')
    by_name = "Asked in this order: allowlist, once, the booter that you choose, the core."
    for arguments, expected in (
        ([], by_name),
        (["--plugin-order", "once"], by_name.replace("allowlist, once", "once, allowlist")),
        (["--config", str(config)], by_name.replace("allowlist, once", "once, allowlist")),
    ):
        lines = pixiecore("plugins", *arguments).stdout.splitlines()
        assert lines[-1] == expected
        listed = [line.split()[0] for line in lines if "0.2.0)" in line]
        assert (listed.index("once") < listed.index("allowlist")) == bool(arguments)


def test_serving_commands_say_where_else_settings_may_come_from() -> None:
    for command in ("boot", "api"):
        text = " ".join(pixiecore(command, "--help").stdout.split())
        assert "PIXIECORE_PORT" in text
        assert "[server] table of a TOML file" in text
        assert "[booter.NAME]" in text


@pytest.mark.parametrize(
    ("listen", "who"),
    [
        ("127.0.0.1", "for machines on lo (127.0.0.1)"),
        ("192.0.2.77", "no interface to serve has an IPv4 address yet"),
    ],
)
def test_ready_says_for_whom(kernel: Path, listen: str, who: str) -> None:
    ports = [part for name in ("dhcp", "pxe", "tftp", "http") for part in (f"--{name}", "127.0.0.1:0")]
    with serving("boot", str(kernel), *ports, "--listen-addr", listen) as process:
        lines = read_until(process, "Ready")
    assert lines[-1].endswith(f"; {who}")
    # With each listener bound to an address of its own, the server starts: the address may come later.
    told = any("192.0.2.77 is not an address of this host" in line for line in lines)
    assert told == (listen == "192.0.2.77")


def test_disabled_plugins_are_named_where_they_are_missed() -> None:
    disabled = ["--disable-plugin", "static"]
    message = failure(pixiecore(*disabled, "boot", "/vmlinuz"), 2)
    assert "No such command 'boot'. Disabled plugins, which may have it: static." in message
    assert "Disabled" not in failure(pixiecore("boto"), 2)
    lines = pixiecore(*disabled, "plugins").stdout.splitlines()
    assert "static  (disabled)" in lines
    assert "api  (pixiecore-api-booter 0.2.0)" in lines


@pytest.mark.parametrize(("command", "extra"), [("boot", "static"), ("quick", "static"), ("api", "api")])
def test_where_only_the_core_is_installed_the_extra_is_named(
    command: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(main, "load", lambda disabled: [])
    message = failure(pixiecore(command, "x"), 2)
    assert f"No such command '{command}'. A plugin has it: pip install 'pixiecore-core[{extra}]'." in message


def test_a_unit_that_restricts_more_is_told_of(kernel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INVOCATION_ID", "1")
    drop = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
    command = [*drop, *PIXIECORE, "boot", str(kernel), *HIGH_PORTS, "--dhcp-no-bind"]
    message = failure(subprocess.run(command, capture_output=True, text=True, check=False), 1)
    assert "AmbientCapabilities=CAP_NET_RAW, and CAP_NET_RAW in CapabilityBoundingSet=" in message
    assert "AF_PACKET in RestrictAddressFamilies=" in message


def test_a_disabled_plugin_is_as_good_as_not_installed() -> None:
    booters = ("api", "inventory", "static")
    done = pixiecore(*(word for name in booters for word in ("--disable-plugin", name)), "run")
    assert "installed: none; install a plugin that has one" in failure(done, 2)
    assert "there is no installed plugin 'nope'" in failure(pixiecore("--disable-plugin", "nope", "run"), 2)


def test_firmware_is_listed_and_given_paths_are_checked(kernel: Path) -> None:
    assert "--ipxe-efi64" in failure(pixiecore("firmware", "--ipxe-efi64", str(kernel)), 2)
    text = pixiecore("firmware", "--ipxe-bios", str(kernel)).stdout
    assert str(kernel) in text
    assert "64-bit ARM UEFI machines" in text


BROKEN_PLUGINS = {
    "command": (
        "import click\nfrom pixiecore_core import hookimpl\n"
        "@hookimpl\ndef register_commands(commands): commands.add(click.Command('run'))\n",
        "its command 'run' exists already",
    ),
    "raises": ("1 / 0", "cannot be loaded (ZeroDivisionError: division by zero)"),
    "ends": ("import sys; sys.exit()", "cannot be loaded (SystemExit: )"),
    "misspelt": (
        "from pixiecore_core import hookimpl\n@hookimpl\ndef selekt_boot(machine): ...\n",
        "selekt_boot",
    ),
    "argument": (
        "from pixiecore_core import hookimpl\n@hookimpl\ndef select_boot(machin): ...\n",
        "machin",
    ),
}


@pytest.mark.parametrize("name", BROKEN_PLUGINS)
def test_a_broken_plugin_refuses_to_start_by_name(tmp_path: Path, name: str) -> None:
    code, words = BROKEN_PLUGINS[name]
    install_plugin(tmp_path, code)
    message = failure(pixiecore("run", "--booter", "static", PYTHONPATH=str(tmp_path)), 2)
    assert "plugin 'broken'" in message
    assert words in message
    done = pixiecore("--disable-plugin", "broken", "run", PYTHONPATH=str(tmp_path))
    assert "installed: api, inventory, quick, static" in failure(done, 2)
