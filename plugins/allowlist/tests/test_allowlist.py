"""Only listed and approved machines boot: over any booter, and while the others wait they can be approved."""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from click.testing import CliRunner, Result
from pixiecore_allowlist import Allowlist, AllowlistSettings
from pixiecore_allowlist import notes as notes_module
from pixiecore_allowlist import state as state_module
from pixiecore_allowlist.command import allowlist
from pixiecore_allowlist.notes import Notes
from pixiecore_allowlist.state import Seen, States, seen
from pydantic import ValidationError

from pixiecore_core import ConfigError, Hold, Ignore, Machine, StateMissing
from pixiecore_core.testing import FixedBooter, Netboot

MAC, OTHER = "52:54:00:12:34:56", "02:00:00:00:00:01"
NAME = "4c4c4544-0051-3010-8052-b4c04f4e4d32"
HELD = f"503 it is neither listed nor approved; to let it boot: pixiecore allowlist approve {MAC}"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "state" / "allowlist.sqlite"


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    (tmp_path / "token").write_text("s3cret\n")
    return tmp_path / "token"


def policy(database: Path, **settings: object) -> Allowlist:
    return Allowlist(AllowlistSettings.model_validate({"database": database, **settings}))


def server(database: Path, **settings: object) -> Netboot:
    return Netboot(FixedBooter(), policy(database, **settings))


def run(database: Path, *arguments: str) -> str:
    done = CliRunner().invoke(allowlist, ["--database", str(database), *arguments])
    if done.exception is not None:
        raise done.exception
    return done.stdout


def is_held(machines: Netboot, mac: str = MAC, **query: str) -> bool:
    try:
        assert machines.boot(mac, **query) is not None
    except LookupError as error:
        return str(error).startswith("503 it is neither listed nor approved")
    return False


def test_without_settings_it_does_nothing(database: Path) -> None:
    machines = server(database)
    assert machines.boot(MAC) is not None
    assert not database.exists()
    run(database, "deny", MAC)
    assert machines.boot(MAC) is not None
    assert machines.get("/allowlist/waiting", "s3cret")[0] == 404


@pytest.mark.parametrize("rule", [MAC, "52:54:00", "192.0.2.0/24", "192.0.2.100/32"])
def test_listed_machines_boot(database: Path, rule: str) -> None:
    assert server(database, allow=[OTHER, rule]).boot(MAC) is not None
    assert States(database).all() == [] or "/" in rule, "its address is known at its script only"


def test_others_wait_and_boot_when_they_are_approved(database: Path) -> None:
    machines = server(database, enabled=True)
    with pytest.raises(LookupError, match=f"^{HELD}$"):
        machines.boot(MAC)
    assert f"Holding {MAC}: it is neither listed nor approved" in machines.log
    run(database, "approve", MAC.upper())
    assert machines.boot(MAC) is not None
    assert machines.sentences(MAC).count(f"allowlist: {MAC} is approved") == 1
    assert is_held(machines, OTHER)
    run(database, "deny", MAC)
    assert machines.boot(MAC) is None
    assert machines.sentences(MAC).count(f"allowlist: {MAC} is denied") == 1
    run(database, "forget", MAC)
    assert is_held(machines)


def test_a_held_machine_asks_again_after_five_seconds(database: Path) -> None:
    answer = policy(database, enabled=True).select_boot(Machine(mac=MAC))
    assert isinstance(answer, Hold)
    assert answer.seconds == 5


def test_the_same_machine_gets_the_same_answer(database: Path) -> None:
    mine = policy(database, enabled=True)
    assert len({repr(mine.select_boot(Machine(mac=MAC))) for _ in range(3)}) == 1


def test_a_uuid_is_known_at_the_script(database: Path) -> None:
    machines = server(database, allow=[NAME])
    assert machines.discover(MAC) is not None
    assert machines.boot(MAC, uuid=NAME) is not None
    assert is_held(machines, uuid="00000000-0000-0000-0000-000000000001")
    assert is_held(machines)


def test_others_can_be_ignored(database: Path) -> None:
    machines = server(database, allow=[OTHER], unlisted="ignore")
    assert machines.boot(MAC) is None
    assert f"it is neither listed nor approved; to let it boot: pixiecore allowlist approve {MAC}" in machines.log
    assert machines.boot(OTHER) is not None
    run(database, "approve", MAC)
    assert machines.boot(MAC) is not None


def test_a_denied_machine_is_ignored_even_if_a_rule_lists_it(database: Path) -> None:
    run(database, "deny", MAC)
    answer = policy(database, allow=[MAC]).select_boot(Machine(mac=MAC))
    assert isinstance(answer, Ignore)
    assert answer.reason.startswith("it is denied")


def test_a_list_counts_when_it_is_empty_and_no_is_no(database: Path, tmp_path: Path) -> None:
    (tmp_path / "allow.txt").write_text("# nobody\n")
    assert is_held(server(database, allow=[]))
    assert is_held(server(database, file=str(tmp_path / "allow.txt")))
    assert server(database, allow=[], enabled=False, unlisted="ignore").boot(MAC) is not None


def test_half_a_configuration_is_refused(database: Path, token_file: Path) -> None:
    with pytest.raises(ConfigError, match="--allowlist-unlisted: does nothing without"):
        policy(database, unlisted="ignore")
    with pytest.raises(ConfigError, match="--allowlist-admin-token-file: does nothing without"):
        policy(database, admin_token_file=str(token_file))


def test_a_file_of_rules_is_read_again(database: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "allow.txt"
    path.write_text(f"{OTHER}\n")
    machines = server(database, file=str(path))
    assert is_held(machines)
    path.write_text(f"{OTHER}\n{MAC}\n")
    assert machines.boot(MAC) is not None
    path.write_text("\nnonsense\n")
    with caplog.at_level(logging.ERROR):
        assert machines.boot(MAC) is not None
        assert machines.boot(OTHER) is not None
    assert [f"{path}, line 2: 'nonsense' is not a rule" in record.getMessage() for record in caplog.records] == [True]
    with pytest.raises(LookupError, match=r"the rules are older than their file, .*allow\.txt, line 2$"):
        machines.boot("02:00:00:00:00:02")
    path.write_text("")
    assert is_held(machines)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"allow": [MAC, "nonsense"]}, "'nonsense' is not a rule"),
        ({"file": "/nonexistent/allow.txt"}, "/nonexistent/allow.txt cannot be read: No such file"),
        ({"admin_token_file": "/nonexistent/token"}, "/nonexistent/token cannot be read"),
        ({"admin_token_file": os.devnull}, "does not hold a token"),
        ({"unlisted": "boot"}, "Input should be 'hold' or 'ignore'"),
        ({"alow": []}, "Extra inputs are not permitted"),
    ],
)
def test_bad_settings_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        AllowlistSettings.model_validate(settings)


def test_a_database_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a database, but long enough to be taken for one" * 100)
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(ConfigError, match=r"--allowlist-database: .* cannot be used"):
            policy(path, enabled=True)
        with pytest.raises(ConfigError, match=r"--database: .* cannot be used"):
            run(path, "approve", MAC)


def test_a_database_that_vanishes_or_breaks_lets_nobody_in(database: Path) -> None:
    machines = server(database, enabled=True)
    run(database, "approve", MAC)
    assert machines.boot(MAC) is not None
    aside = database.with_name("aside")
    database.rename(aside)
    with pytest.raises(LookupError, match=r"503 cannot read at the moment whether it is approved$"):
        machines.boot(MAC)
    aside.rename(database)
    assert machines.boot(MAC) is not None
    database.write_text("rubbish" * 1000)
    reason = r"503 cannot read at the moment whether it is approved$"
    with pytest.raises(LookupError, match=reason):
        machines.boot(MAC)


def test_what_cannot_be_remembered_is_held_all_the_same(database: Path) -> None:
    mine = policy(database, enabled=True)
    mine.on_startup()
    writer = sqlite3.connect(database, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    deadline = time.monotonic() + 30
    reason = ""
    while "it cannot be remembered" not in reason and time.monotonic() < deadline:
        answer = mine.select_boot(Machine(mac=MAC))
        assert isinstance(answer, Hold)
        reason = answer.reason
        time.sleep(0.05)
    assert f"it cannot be remembered: {database} cannot be used: database is locked" in reason
    writer.execute("ROLLBACK")
    writer.close()
    mine.select_boot(Machine(mac=OTHER))
    mine.on_shutdown()
    assert {known.mac for known in States(database).all()} == {MAC, OTHER}


def test_what_is_remembered(database: Path) -> None:
    mine = policy(database, enabled=True)
    machines = Netboot(FixedBooter(), mine)
    assert is_held(machines, uuid=NAME, serial="S1", manufacturer="Dell", product="R630")
    mine.on_shutdown()
    machines.discover(MAC)
    mine.on_shutdown()
    (known,) = States(database).all(waiting=True)
    assert (known.mac, known.verdict, known.uuid, known.serial) == (MAC, "waiting", NAME, "S1")
    assert (known.manufacturer, known.product) == ("Dell", "R630")
    assert (known.address, known.subnet) == ("192.0.2.100", "")
    assert known.first_seen is not None
    assert known.last_seen is not None
    assert time.time() - 60 < known.first_seen < known.last_seen


def test_a_note_is_written_within_its_interval(database: Path) -> None:
    states = States(database)
    states.store.prepare("--database")
    notes = Notes(states, interval=0.1)
    for mac in (MAC, OTHER, OTHER):
        notes.add(mac, seen(Machine(mac=mac)))
    deadline = time.monotonic() + 30
    while len(states.all()) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert {known.mac for known in states.all()} == {MAC, OTHER}


def test_it_remembers_so_many_machines_and_all_decisions(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_module, "REMEMBERED", 10)
    monkeypatch.setattr(notes_module, "REMEMBERED", 10)
    states = States(database)
    states.store.prepare("--database")
    notes = Notes(states, interval=60)
    notes.add("02:00:00:00:01:00", Seen(serial="S", last_seen=1.0))
    notes.flush()
    states.decide("approved", "02:00:00:00:01:00")
    for number in range(15):
        notes.add(f"02:00:00:00:00:{number:02x}", Seen(first_seen=1.0, last_seen=float(number)))
    notes.flush()
    notes.add("02:00:00:00:00:0f", Seen(first_seen=1.0, last_seen=20.0))
    notes.flush()
    waiting = [known.mac for known in states.all(waiting=True)]
    assert waiting == [f"02:00:00:00:00:{number:02x}" for number in range(15, 5, -1)]
    assert [(known.mac, known.serial) for known in states.all()][-1] == ("02:00:00:00:01:00", "S")


def test_the_command_line(database: Path) -> None:
    assert run(database, "approve", "52-54-00-12-34-56") == f"{MAC} is approved\n"
    assert run(database, "deny", OTHER) == f"{OTHER} is denied\n"
    assert is_held(server(database, enabled=True), "02:00:00:00:00:02", serial="S2")
    give_up = time.monotonic() + 5  # what a server has seen is written a moment later
    while len(listed := run(database, "list").splitlines()) < 3 and time.monotonic() < give_up:
        time.sleep(0.05)
    assert [line.split()[1] for line in listed] == ["waiting", "denied", "approved"]
    assert listed[1] == f"{OTHER}  denied    never seen"
    assert [line.split()[0] for line in run(database, "list", "--waiting").splitlines()] == ["02:00:00:00:00:02"]
    assert {known["mac"] for known in json.loads(run(database, "list", "--json"))} == {MAC, OTHER, "02:00:00:00:00:02"}
    assert run(database, "forget", MAC) == "1 machines forgotten\n"
    assert run(database, "forget", "--all") == "2 machines forgotten\n"
    for arguments in (("approve", "nonsense"), ("approve", OTHER, "x"), ("forget",), ("forget", "--all", MAC)):
        with pytest.raises(ConfigError):
            run(database, *arguments)
    assert run(database, "list") == ""


def test_a_mistyped_database_is_told_and_not_made(database: Path) -> None:
    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(allowlist, ["--database", str(database), *arguments])

    for arguments in (["list"], ["list", "--json"], ["forget", "--all"], ["forget", MAC]):
        done = invoke(*arguments)
        assert isinstance(done.exception, StateMissing)
        assert f"there is no database {database}; a server makes it when it starts" in str(done.exception)
    assert invoke("list", "--help").exit_code == 0
    assert isinstance(invoke("deny", "nonsense").exception, ConfigError)
    assert not database.parent.exists()
    for command, errors in (("approve", f"Made a new database, {database}; the server reads it if its"), ("deny", "")):
        done = invoke(command, MAC)
        assert done.exit_code == 0
        assert done.stderr.startswith(errors)
        assert bool(done.stderr) == bool(errors)


HOSTILE = '\x1b]0;owned\x07\x1b[2J\r\n\x9b31m\u202e\x00"\\é' + "x" * 10_000


def test_hostile_texts_do_not_reach_the_terminal(database: Path, token_file: Path) -> None:
    mine = policy(database, enabled=True, admin_token_file=str(token_file))
    machines = Netboot(FixedBooter(), mine)
    assert is_held(machines, serial=HOSTILE, manufacturer=HOSTILE, product=HOSTILE)
    mine.on_shutdown()
    pages = [machines.get(f"/allowlist/waiting?format={form}", "s3cret")[1] for form in ("text", "json")]
    for text in (run(database, "list"), run(database, "list", "--json"), *pages):
        assert "owned" in text
        assert text.isascii()
        assert text.replace("\n", "").isprintable()
        assert len(text) < 3000
    assert len(run(database, "list").splitlines()) == 1


def test_lone_surrogates_are_kept_out(database: Path) -> None:
    machine = Machine.model_construct(**{**dict(Machine(mac=MAC)), "serial": "\ud800"})
    mine = policy(database, enabled=True)
    assert isinstance(mine.select_boot(machine), Hold)
    assert run(database, "list") == "", "a dry run is not a visit"
    mine.on_startup()
    assert isinstance(mine.select_boot(machine), Hold)
    mine.on_shutdown()
    assert "serial" in run(database, "list")


def test_what_the_status_page_offers(database: Path) -> None:
    assert (policy(database).policy_in_words(), policy(database).machine_actions(Machine(mac=MAC))) == (None, None)
    mine = policy(database, enabled=True)
    machines = Netboot(FixedBooter(), mine)
    assert mine.policy_in_words() == "machines that are not listed wait until they are approved"
    assert is_held(machines)
    approve, deny = mine.machine_actions(Machine(mac=MAC)) or []
    assert approve.run() == f"{MAC} is approved"
    assert machines.boot(MAC) is not None
    assert any("is approved on the status page" in words for words in machines.sentences(MAC)), machines.sentences(MAC)
    assert [action.name for action in mine.machine_actions(Machine(mac=MAC)) or []] == ["deny"]
    assert deny.run() == f"{MAC} is denied"
    assert machines.boot(MAC) is None


def test_pages(database: Path, token_file: Path) -> None:
    machines = server(database, enabled=True, admin_token_file=str(token_file))
    assert is_held(machines, serial="S1")
    for path in ("waiting", f"approve?mac={MAC}", f"deny?mac={MAC}"):
        assert machines.get(f"/allowlist/{path}")[0] == 401
        for token in ("wrong", "s3cre", "s3cret2", "S3CRET"):
            assert machines.get(f"/allowlist/{path}", token)[0] == 403
    assert is_held(machines)
    status, text = machines.get("/allowlist/waiting", "s3cret")
    assert status == 200
    assert text.startswith(f"{MAC}  waiting")
    assert 'serial "S1"' in text
    (known,) = json.loads(machines.get("/allowlist/waiting?format=json", "s3cret")[1])
    assert (known["mac"], known["serial"], known["first_seen"][-6:]) == (MAC, "S1", "+00:00")
    assert machines.get("/allowlist/waiting?format=xml", "s3cret")[0] == 400
    assert machines.get(f"/allowlist/approve?mac={MAC}", "s3cret") == (200, f"{MAC} is approved\n")
    assert machines.boot(MAC) is not None
    approved = [line for line in machines.sentences(MAC) if line.startswith(f"allowlist: {MAC} is approved")]
    assert approved == [f"allowlist: {MAC} is approved over HTTP (192.0.2.100)"]
    assert machines.get("/allowlist/waiting", "s3cret") == (200, "")
    assert machines.get(f"/allowlist/deny?mac={MAC}", "s3cret") == (200, f"{MAC} is denied\n")
    assert machines.boot(MAC) is None
    for query in ("", "?mac=", "?mac=nonsense", "?mac=%00"):
        assert machines.get(f"/allowlist/approve{query}", "s3cret")[0] == 400


def test_the_token_can_be_renewed_and_taken_away(database: Path, token_file: Path) -> None:
    machines = server(database, enabled=True, admin_token_file=str(token_file))
    token_file.write_text("another")
    assert machines.get("/allowlist/waiting", "s3cret")[0] == 403
    assert machines.get("/allowlist/waiting", "another")[0] == 200
    for text in ("", "two words"):
        token_file.write_text(text)
        assert machines.get("/allowlist/waiting", text or "another")[0] == 403
    token_file.unlink()
    status, text = machines.get("/allowlist/waiting", "another")
    assert status == 403
    assert str(token_file) not in text


def test_without_a_token_file_there_are_no_pages(database: Path) -> None:
    machines = server(database, enabled=True)
    for page in ("waiting", "approve", "deny"):
        assert machines.get(f"/allowlist/{page}?mac={MAC}", "s3cret")[0] == 404


def pixiecore(*arguments: str, **more: Any) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "error", "-m", "pixiecore_core", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)


def test_another_process_approves(database: Path) -> None:
    machines = server(database, enabled=True)
    assert is_held(machines)
    output, errors = pixiecore("allowlist", "--database", str(database), "approve", MAC).communicate(timeout=30)
    assert output == f"{MAC} is approved\n", errors
    assert machines.boot(MAC) is not None


def test_bad_rules_end_the_command_with_status_2(tmp_path: Path) -> None:
    (tmp_path / "allow.txt").write_text("# rack 3\n52:54\n")
    for option, value, message in (
        ("--allowlist-allow", "52:54", "--allowlist-allow: '52:54' is not a rule"),
        (
            "--allowlist-file",
            str(tmp_path / "allow.txt"),
            f"--allowlist-file: {tmp_path}/allow.txt, line 2: '52",
        ),
        ("--allowlist-admin-token-file", "/nope", "--allowlist-admin-token-file: /nope cannot be read"),
    ):
        process = pixiecore("boot", __file__, "--listen-addr", "127.0.0.1", option, value)
        _, errors = process.communicate(timeout=30)
        assert process.returncode == 2
        assert message in errors
        assert "Traceback" not in errors


_HAMMER = """
import sys
from pathlib import Path
from pixiecore_allowlist.state import Seen, States
states = States(Path(sys.argv[1]))
for number in range(50):
    mac = f"02:00:00:00:{int(sys.argv[2]):02x}:{number:02x}"
    states.see([(mac, Seen(first_seen=1.0, last_seen=1.0))])[0].wait()
    states.decide("approved", mac)
    assert states.verdict(mac) == "approved"
"""


def test_processes_that_write_at_the_same_time(database: Path) -> None:
    States(database).store.prepare("--database")
    command = [sys.executable, "-c", _HAMMER, str(database)]
    processes = [subprocess.Popen([*command, str(number)], stderr=subprocess.PIPE, text=True) for number in range(2)]
    for process in processes:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
    assert [known.verdict for known in States(database).all()] == ["approved"] * 100


def test_a_uuid_rule_and_a_machine_that_tells_its_uuid_by_dhcp(database: Path) -> None:
    mine = policy(database, allow=[NAME], unlisted="ignore")
    assert mine.select_boot(Machine(mac=MAC, uuid=UUID(NAME))) is None
    assert isinstance(mine.select_boot(Machine(mac=MAC)), Ignore)


def full(database: Path, statement: str) -> None:
    """Have SQLite refuse what is written, as on a full disk, or (``DROP``) no longer."""
    with sqlite3.connect(database) as other:
        for what in ("INSERT", "UPDATE"):
            refuse = f"BEFORE {what} ON records BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
            other.execute(f"{statement} TRIGGER full_{what} {refuse if statement == 'CREATE' else ''}")
    other.close()


def test_an_approval_is_answered_when_it_is_kept_and_503_where_it_is_not(database: Path, token_file: Path) -> None:
    machines = server(database, enabled=True, admin_token_file=str(token_file))
    approve = f"/allowlist/approve?mac={MAC}"
    full(database, "CREATE")
    status, text = machines.get(approve, "s3cret")
    assert status == 503
    assert text.startswith(f"{MAC} is not approved, because that could not be written: {database} cannot be used: ")
    assert is_held(machines)
    full(database, "DROP")
    assert machines.get(approve, "s3cret") == (200, f"{MAC} is approved\n")
    assert States(database).verdict(MAC) == "approved", "in the file, too"
    assert machines.boot(MAC) is not None


def test_a_list_that_cannot_be_read_is_503(database: Path, token_file: Path) -> None:
    machines = server(database, enabled=True, admin_token_file=str(token_file))
    database.rename(database.with_name("aside"))
    status, text = machines.get("/allowlist/waiting", "s3cret")
    assert status == 503
    assert f"the machines cannot be read: {database} has been removed" in text


def test_a_record_that_cannot_be_used_holds_its_machine(database: Path) -> None:
    machines = server(database, allow=[MAC, OTHER], unlisted="ignore")
    States(database).decide("denied", MAC)
    with sqlite3.connect(database) as other:
        other.execute("UPDATE records SET value = '{}'")
    other.close()
    with pytest.raises(LookupError, match=r"^503 cannot read at the moment whether it is approved$"):
        machines.script(MAC)
    assert machines.boot(OTHER) is not None
    assert run(database, "forget", "--all") == "1 machines forgotten\n"
    assert machines.boot(MAC) is not None


_OLD_TABLE = (
    "CREATE TABLE IF NOT EXISTS allowlist (mac TEXT PRIMARY KEY, verdict TEXT NOT NULL,"
    " uuid TEXT NOT NULL DEFAULT '', serial TEXT NOT NULL DEFAULT '', manufacturer TEXT NOT NULL DEFAULT '',"
    " product TEXT NOT NULL DEFAULT '', address TEXT NOT NULL DEFAULT '', subnet TEXT NOT NULL DEFAULT '',"
    " relay TEXT NOT NULL DEFAULT '', first_seen REAL, last_seen REAL)"
)
_OLD_INDEX = "CREATE INDEX IF NOT EXISTS allowlist_last_seen ON allowlist (verdict, last_seen)"


def test_a_database_of_an_earlier_release_is_taken_over(database: Path) -> None:
    """As release 0.1 made it."""
    third = "02:00:00:00:00:03"
    database.parent.mkdir()
    with sqlite3.connect(database) as old:
        old.execute(_OLD_TABLE)
        old.execute(_OLD_INDEX)
        old.execute("INSERT INTO allowlist (mac, verdict) VALUES (?, 'approved')", (MAC,))
        columns = "(mac, verdict, serial, first_seen, last_seen)"
        old.execute(f"INSERT INTO allowlist {columns} VALUES (?, 'denied', 'S1', 1.0, 2.0)", (OTHER,))
        old.execute(f"INSERT INTO allowlist {columns} VALUES (?, 'waiting', 'S2', 3.0, 4.0)", (third,))
    old.close()
    machines = server(database, allow=[OTHER])
    assert machines.boot(MAC) is not None
    assert machines.boot(OTHER) is None
    assert is_held(machines, third)
    machines.close()
    waiting, denied, approved = States(database).all()
    assert (waiting.mac, waiting.verdict, waiting.serial, waiting.first_seen) == (third, "waiting", "S2", 3.0)
    assert (denied.mac, denied.verdict, denied.serial, denied.first_seen) == (OTHER, "denied", "S1", 1.0)
    assert (approved.mac, approved.verdict, approved.last_seen) == (MAC, "approved", None)
    with sqlite3.connect(database) as old, pytest.raises(sqlite3.OperationalError):
        old.execute(_OLD_INDEX)  # the earlier release does not start with it any more
    old.close()
