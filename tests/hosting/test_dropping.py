"""A server that root starts gives root up: seen in /proc, on the real ports, with its commands beside it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pixiecore_core.wire.dhcp4 import serialize
from tests.hostile.peer import Peer
from tests.hosting.room import UID, needs_a_host, on_a_host, run
from tests.lab.network import LINK, Network
from tests.messages import message

pytestmark = [*needs_a_host, pytest.mark.servers]

MAC = "52:54:00:12:34:56"
READY = "for i in $(seq 200); do grep -q Ready: log && break; sleep 0.05; done"
RIGHTS = "grep -hE '^(Uid|Gid|Groups|Cap(Inh|Prm|Eff|Amb)|NoNewPrivs)' /proc/$server/task/*/status | sort -u"
NONE = {f"Cap{kind}:0000000000000000" for kind in ("Inh", "Prm", "Eff", "Amb")} | {"NoNewPrivs:1"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("vmlinuz", "undionly.kpxe"):
        (tmp_path / name).write_bytes(bytes(1000))
    return tmp_path


def serve(*options: str, kernel: str = "vmlinuz") -> list[str]:
    """Lines that start a server and wait until it is ready."""
    start = f"pixiecore boot {kernel} --ipxe-bios undionly.kpxe {' '.join(options)} >log 2>&1 & server=$!"
    return [start, READY]


def rights(output: str) -> set[str]:
    """What :data:`RIGHTS` printed, of all threads; one with other rights adds its lines."""
    lines = re.findall(r"^((?:Uid|Gid|Groups|Cap\w+|NoNewPrivs):.*)$", output, re.MULTILINE)
    return {re.sub(r"\s+", " ", line).strip().replace(": ", ":") for line in lines}


def test_it_becomes_the_user_pixiecore_in_all_threads(folder: Path) -> None:
    done = run(folder, *serve("--once-enabled"), RIGHTS, "cat log")
    ids = " ".join([str(UID)] * 4)
    assert rights(done.stdout) == {f"Uid:{ids}", f"Gid:{ids}", f"Groups:{UID}"} | NONE
    assert "Goes on as user pixiecore, without any privilege" in done.stdout


def test_it_works_on_without_root(folder: Path) -> None:
    """Reloading, scripts, files through the cache, state: and nothing that is root's is left in its folders."""
    done = run(
        folder,
        "python -m http.server 8000 --bind 127.0.0.1 >/dev/null 2>&1 &",
        *serve("--once-enabled", kernel="http://127.0.0.1:8000/vmlinuz"),
        "kill -HUP $server",
        f"curl -s 'http://127.0.0.1/_/ipxe?mac={MAC}&arch=i386&platform=pcbios' >script",
        "curl -s $(sed -n 's/^imgfetch --name ready //p' script | cut -d' ' -f1) >/dev/null",
        "curl -s $(sed -n 's/^kernel --name kernel //p' script | cut -d' ' -f1) | wc -c",
        "pixiecore cache ls; pixiecore once list; pixiecore once arm 52:54:00:12:34:57",
        "pixiecore fetch http://127.0.0.1:8000/undionly.kpxe",
        "find /var/lib/pixiecore /var/cache/pixiecore ! -user pixiecore -printf 'not its own: %p\\n'",
        "kill $server; wait $server; echo status $?; cat log",
    )
    assert "Reloading on SIGHUP" in done.stdout
    assert done.stdout.startswith("1000\n"), done.stdout
    assert "http://127.0.0.1:8000/vmlinuz" in done.stdout
    assert f"{MAC}  done" in done.stdout
    assert "52:54:00:12:34:57 will boot" in done.stdout
    assert "1.0 KB in the cache" in done.stdout
    assert "not its own" not in done.stdout
    assert "status 0" in done.stdout
    assert done.stdout.rstrip().endswith("[Init] Stopped")


def test_user_and_group_are_a_choice(folder: Path) -> None:
    done = run(folder, *serve("--user", "nobody", "--group", "daemon"), RIGHTS, "ls -dn /var/lib/pixiecore", user=False)
    assert {"Uid:65534 65534 65534 65534", "Gid:1 1 1 1"} | NONE <= rights(done.stdout)
    assert re.search(r"^drwx------ \S+ 65534 1 ", done.stdout, re.MULTILINE)


def test_without_such_a_user_root_stays_root_and_says_so(folder: Path) -> None:
    done = run(folder, *serve(), RIGHTS, "cat log", user=False)
    assert {"Uid:0 0 0 0", "NoNewPrivs:1"} <= rights(done.stdout)
    assert "[Init] warning: Stays root: there is no user 'pixiecore', and --user names none" in done.stdout


def test_root_is_kept_if_asked_for(folder: Path) -> None:
    done = run(folder, *serve("--user", "root"), RIGHTS, "cat log")
    assert "Uid:0 0 0 0" in rights(done.stdout)
    assert "root:" not in done.stdout


def test_capabilities_of_a_unit_file_are_given_up_too(folder: Path) -> None:
    granted = "+net_bind_service,+net_raw"
    user = f"setpriv --reuid 33 --regid 33 --clear-groups --inh-caps {granted} --ambient-caps {granted}"
    lines = serve("--dhcp-no-bind", "--user", "www-data", "--no-cache", "--key-file", "own/url.key")
    done = run(folder, "install -d -o 33 own", f"{user} {lines[0]}", *lines[1:], RIGHTS, "cat log")
    assert {"Uid:33 33 33 33"} | NONE <= rights(done.stdout)
    assert "DHCP on port 67" in done.stdout


def test_what_a_file_only_permits_is_taken_up(folder: Path) -> None:
    """The image grants it so: with the other form, `setcap …+ep`, nothing runs where an engine withholds it."""
    copy = [
        "venv=$(python -c 'import sys; print(sys.prefix)'); install -d env/bin; install -d -o 33 own",
        "cp $venv/pyvenv.cfg env; ln -s $venv/lib env/lib; cp $(realpath $venv/bin/python) env/bin/python",
        "setcap cap_net_bind_service+p env/bin/python",
    ]
    boot = "-m pixiecore_core boot vmlinuz --ipxe-bios undionly.kpxe --no-cache --key-file own/url.key"
    served = f"setpriv --reuid 33 --regid 33 --clear-groups env/bin/python {boot}"
    done = run(
        folder,
        *copy,
        f"setpriv --bounding-set=-net_bind_service {served}",
        f"{served} >log 2>&1 & server=$!",
        *(READY, RIGHTS, "kill $server; wait $server; cat log"),
    )
    assert "this user may not do what serving needs: cap_net_bind_service missing" in done.stdout
    assert {"Uid:33 33 33 33"} | NONE <= rights(done.stdout), done.stdout
    assert "DHCP on port 67" in done.stdout


@pytest.mark.parametrize("options", ["", "--dhcp-no-bind"])
def test_dhcp_is_answered_on_the_real_ports(folder: Path, options: str) -> None:
    with Network() as network, Peer(network.dhcp, LINK) as client:
        lines = [*serve("--no-cache", options), RIGHTS, "tail -f log & wait $server"]
        network.run_in(network.srv, on_a_host(folder, *lines), folder / "output").wait_for("Ready:", timeout=30)
        client.send(serialize(message()), ("0.0.0.0", 68), ("255.255.255.255", 67))
        assert [seen.source_port for seen in client.heard(silence=0.5) if seen.source_port == 67]
        assert rights((folder / "output").read_text()) >= NONE


SECRET = "(umask 077; cp vmlinuz /root; echo 52:54:00 >/root/rules)"
MEND = "the server runs as user pixiecore: chown, chmod or move it, or keep root: --user root"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("/root/vmlinuz", "KERNEL: /root/vmlinuz cannot be read: Permission denied"),
        ("vmlinuz --ipxe-efi64 /root/vmlinuz", "--ipxe-efi64: /root/vmlinuz cannot be read: Permission denied"),
        (
            "vmlinuz --cache-dir /root/new",
            "--cache-dir: /root/new cannot be used: Permission denied; it must belong to user 4711",
        ),
        (
            "vmlinuz --once-enabled --once-database /root/new/once.sqlite",
            "--once-database: /root/new/once.sqlite cannot be used: [Errno 13] Permission denied",
        ),
        ("vmlinuz --allowlist-file /root/rules", "--allowlist-file: /root/rules cannot be read: Permission denied"),
    ],
)
def test_what_its_user_cannot_read_is_told_before_it_serves(folder: Path, arguments: str, told: str) -> None:
    done = run(folder, SECRET, f"pixiecore boot {arguments}; echo status $?")
    assert f"Error: {told}" in done.stdout
    assert MEND in done.stdout
    assert done.stdout.endswith("status 2\n")
    assert "Ready" not in done.stdout
    assert "Traceback" not in done.stdout


def test_a_dry_run_tells_it_too(folder: Path) -> None:
    done = run(folder, SECRET, f"pixiecore select --booter static --kernel /root/vmlinuz --mac {MAC}; echo status $?")
    assert f"--kernel: /root/vmlinuz cannot be read: Permission denied; {MEND}" in done.stdout
    assert done.stdout.endswith("status 2\n")


def test_key_and_token_are_read_by_root(folder: Path) -> None:
    """Those of root alone, and one in the user's own folder, which root does not touch."""
    lines = ["install -d -o pixiecore own", "(umask 077; echo 0123456789abcdef >/root/token)"]
    for options in ("--key-file /root/url.key --status-token-file /root/token", "--key-file own/url.key"):
        lines += [*serve("--no-cache", options), "kill $server; wait $server; cat log; mv log former"]
    done = run(folder, *lines, "stat -c '%U %a %n' /root/url.key own/url.key")
    assert done.stdout.count("Ready:") == 2, done.stdout
    assert "warning: Every user" not in done.stdout
    assert done.stdout.endswith("root 600 /root/url.key\npixiecore 600 own/url.key\n")


def test_a_program_that_its_user_cannot_read_is_told(folder: Path) -> None:
    plugin = [
        "mkdir -m 700 /root/closed; touch /root/closed/own_plugin.py; info=/root/closed/own-1.dist-info; mkdir $info",
        "printf 'Metadata-Version: 2.1\\nName: own\\nVersion: 1\\n' >$info/METADATA",
        "printf '[pixiecore]\\nown = own_plugin\\n' >$info/entry_points.txt",
        "export PYTHONPATH=/root/closed",
    ]
    done = run(folder, *plugin, "pixiecore boot vmlinuz; echo status $?")
    assert "--user: user pixiecore cannot read the program itself, /root/closed/own_plugin.py: install" in done.stdout
    assert done.stdout.endswith("status 2\n")


FORMER = "/root/.local/state/pixiecore"


def test_state_that_root_kept_is_never_passed_over(folder: Path) -> None:
    """Once without the user, as ever; then with it: root's commands use the old state, and the server says how to move
    it.
    """
    done = run(
        folder,
        f"pixiecore once --database {FORMER}/once.sqlite arm {MAC} 2>/dev/null",
        "pixiecore once list; echo; pixiecore boot vmlinuz 2>message; echo status $?; cat message",
        "ls /var/lib",
        "sed -n 's/^  //p' message >move; bash -e move; echo moved $?",
        "pixiecore once list; stat -c '%U %n' /var/lib/pixiecore /var/lib/pixiecore/once.sqlite",
        *serve("--once-enabled"),
        "cat log; pixiecore once list",
    )
    assert done.stdout.count(f"{MAC}  armed") == 3, done.stdout
    assert f"its state is still in root's folder, {FORMER}" in done.stdout
    assert "status 1\n" in done.stdout
    assert "moved 0\npixiecore" not in done.stdout
    assert "pixiecore /var/lib/pixiecore\npixiecore /var/lib/pixiecore/once.sqlite\n" in done.stdout
    assert "Ready:" in done.stdout


def test_a_folder_that_is_another_users_is_refused_with_the_command_that_mends_it(folder: Path) -> None:
    done = run(folder, "install -d -o www-data /var/lib/pixiecore; pixiecore boot vmlinuz; echo status $?")
    assert "the folder /var/lib/pixiecore belongs to www-data, and the server runs as pixiecore" in done.stdout
    assert "chown -R pixiecore: /var/lib/pixiecore; or keep root: --user root" in done.stdout
    assert done.stdout.endswith("status 1\n")


def test_commands_of_root_before_the_first_start_make_nothing_that_is_roots(folder: Path) -> None:
    done = run(folder, f"pixiecore once arm {MAC}", "stat -c '%U %n' /var/lib/pixiecore /var/lib/pixiecore/once.sqlite")
    assert "pixiecore /var/lib/pixiecore\npixiecore /var/lib/pixiecore/once.sqlite\n" in done.stdout


def test_root_cannot_be_had_back(folder: Path) -> None:
    code = (
        "import os; from pixiecore_core.hosting.accounts import account_of;"
        "from pixiecore_core.hosting.privileges import give_up;"
        "give_up(account_of('nobody', None));\n"
        "for call in (os.setuid, os.seteuid, os.setgid):\n"
        "    try:\n        call(0); print('root again')\n    except PermissionError: print('refused')\n"
    )
    (folder / "code.py").write_text(code)
    done = run(folder, "python code.py", "echo", user=False)
    assert done.stdout == "refused\n" * 3 + "\n"


def test_commands_of_root_reach_the_folders_of_a_dynamic_user(folder: Path) -> None:
    """systemd keeps them below a folder of root's, and makes root's link to them. The user has no entry then."""
    done = run(
        folder,
        "for base in /var/lib /var/cache; do install -d -m 700 $base/private; ln -s private/pixiecore $base/pixiecore",
        "install -d -o 61234 -g 61234 $base/private/pixiecore; done",
        "python -m http.server 8000 --bind 127.0.0.1 >/dev/null 2>&1 & sleep 1",
        f"pixiecore once arm {MAC}; pixiecore once list",
        "pixiecore fetch http://127.0.0.1:8000/vmlinuz; pixiecore cache ls",
        "find /var/lib/private /var/cache/private -mindepth 1 ! -user 61234 -printf 'not its own: %p\\n'",
        # What it cannot read itself is not written by way of a link.
        "(umask 077; echo precious >/root/victim); cd /var/lib/private/pixiecore; ln -sf /root/victim once.sqlite",
        f"chown -h 61234 once.sqlite; pixiecore once arm {MAC}; cat /root/victim",
        user=False,
    )
    assert f"{MAC}  armed" in done.stdout
    assert "1 files, 1.0 KB of 20.0 GB, in /var/cache/pixiecore" in done.stdout
    assert "not its own" not in done.stdout
    assert done.stdout.endswith("precious\n")
