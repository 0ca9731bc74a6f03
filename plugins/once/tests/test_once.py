"""One boot, and no other: over any booter, however often a boot asks, and from the command line."""

from __future__ import annotations

import json
import re
import sqlite3
import time
from pathlib import Path

import gevent
import pytest
from click.testing import CliRunner, Result
from gevent.event import Event
from pixiecore_once import Once, OnceSettings
from pixiecore_once.command import once
from pixiecore_once.state import States

from pixiecore_core import BootSpec, ConfigError, FileRef, Hold, Ignore, Machine, StateMissing, hookimpl
from pixiecore_core.testing import FixedBooter, Netboot

MAC, OTHER = "52:54:00:12:34:56", "52:54:00:00:00:01"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "state" / "once.sqlite"


def server(database: Path, cmdline: str = "quiet", **settings: object) -> Netboot:
    spec = BootSpec(kernel=FileRef(location=str(Path(__file__).resolve())), cmdline=cmdline)
    return Netboot(
        FixedBooter(spec), Once(OnceSettings.model_validate({"enabled": True, "database": database, **settings}))
    )


def finish(machines: Netboot, mac: str = MAC) -> None:
    """The script runs to its end."""
    script = machines.script(mac)
    machines.fetch(next(line for line in script.splitlines() if "--name ready" in line).split()[3])
    machines.settle()


def test_a_machine_boots_once_and_again_when_it_is_armed(database: Path) -> None:
    machines = server(database)
    assert machines.boot(MAC) is not None
    machines.settle()
    assert machines.boot(MAC) is None
    assert "it has booted once, on 20" in machines.log
    with pytest.raises(LookupError, match="404 you don't netboot: it has booted once"):
        machines.script(MAC)
    assert machines.boot(OTHER) is not None
    States(database).set(MAC, "armed")
    assert machines.boot(MAC) is not None


def test_a_machine_that_has_booted_can_be_sent_to_its_disk(database: Path) -> None:
    machines = server(database, then="local")
    assert "kernel --name" in machines.script(MAC)
    finish(machines)
    boot = machines.boot(MAC)
    assert boot is not None
    assert "sanboot" in boot.script
    machines.settle()
    assert "on to its disk (192.0.2.100): it has booted once, on 20" in machines.sentences(MAC)[-1]
    States(database).set(MAC, "armed")
    assert "kernel --name" in machines.script(MAC)


def test_what_the_status_page_offers(database: Path) -> None:
    off = Once(OnceSettings())
    assert (off.policy_in_words(), off.machine_actions(Machine(mac=MAC))) == (None, None)
    policy = Once(OnceSettings(enabled=True, database=database))
    machines = Netboot(FixedBooter(BootSpec(kernel=FileRef(location=str(Path(__file__).resolve())))), policy)
    assert policy.policy_in_words() == "machines boot once; then they are ignored"
    assert policy.machine_actions(Machine(mac=MAC)) is None
    assert machines.boot(MAC) is not None
    machines.settle()
    (arm,) = policy.machine_actions(Machine(mac=MAC)) or []
    assert machines.boot(MAC) is None
    assert arm.run() == f"{MAC} is armed"
    assert any("is armed on the status page" in words for words in machines.sentences(MAC)), machines.sentences(MAC)
    assert policy.machine_actions(Machine(mac=MAC)) is None
    assert machines.boot(MAC) is not None


def test_asking_is_not_booting(database: Path) -> None:
    machines = server(database)
    for _ in range(5):
        assert machines.discover(MAC) is not None
        assert machines.script(MAC)
        machines.settle()


def test_with_a_completion_url_only_the_booted_system_decides(database: Path) -> None:
    machines = server(database, "quiet done={{ DONE }}")
    boot = machines.boot(MAC)
    assert boot is not None
    machines.settle()
    finish(machines)
    assert machines.boot(MAC) is not None, "the installation may have failed"
    url = boot.cmdline.removeprefix("quiet done=")
    assert machines.get(url) == (200, f"{MAC} has booted once\n")
    assert f"once: {MAC} says that it is done (192.0.2.100)" in machines.sentences(MAC)
    assert machines.boot(MAC) is None
    assert machines.get("/once/done?mac=52:54:00:00:00:01&name=forged")[0] == 403
    assert machines.boot(OTHER) is not None


def test_the_state_survives_a_restart(database: Path) -> None:
    finish(server(database))
    assert server(database).boot(MAC) is None


def test_unknown_machines_can_be_left_alone(database: Path) -> None:
    machines = server(database, unknown="ignore")
    assert machines.boot(MAC) is None
    assert f"it is not armed; to boot it: pixiecore once arm {MAC}" in machines.log
    States(database).set(MAC, "armed")
    assert machines.boot(MAC) is not None


def test_the_command_line(database: Path) -> None:
    def run(*arguments: str) -> str:
        done = CliRunner().invoke(once, ["--database", str(database), *arguments])
        if done.exception is not None:
            raise done.exception
        return done.output

    assert run("arm", "52-54-00-12-34-56", OTHER).count("will boot from the network once") == 2
    finish(server(database))
    assert [line.split()[:2] for line in run("list").splitlines()] == [[MAC, "done"], [OTHER, "armed"]]
    (known, _) = json.loads(run("list", "--json"))
    assert (known["mac"], known["state"], known["since"][-6:]) == (MAC, "done", "+00:00")
    assert run("clear", MAC) == "1 machines forgotten\n"
    assert run("clear", "--all") == "1 machines forgotten\n"
    for arguments in (("arm", "nonsense"), ("clear",), ("clear", "--all", MAC)):
        with pytest.raises(ConfigError):
            run(*arguments)


def test_a_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a database, but long enough to be taken for one" * 100)
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(ConfigError, match=r"--once-database: .* cannot be used"):
            Once(OnceSettings(enabled=True, database=path))


def test_a_machine_waits_while_another_process_holds_the_file(database: Path) -> None:
    mine = Once(OnceSettings(enabled=True, database=database))
    writer = sqlite3.connect(database, isolation_level=None)
    writer.execute("BEGIN EXCLUSIVE")
    answer = mine.select_boot(Machine(mac=MAC))
    assert isinstance(answer, Hold)
    assert (
        f"cannot read at the moment whether it has booted: {database} cannot be used: database is locked"
        in answer.reason
    )
    writer.execute("ROLLBACK")
    writer.close()
    assert mine.select_boot(Machine(mac=MAC)) is None


def test_nobody_boots_while_the_file_is_gone(database: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A new one would know of no boot, and install every machine again."""
    machines = server(database)
    finish(machines)
    aside = database.with_name("aside")
    database.rename(aside)
    for _ in range(2):
        with pytest.raises(LookupError, match=r"^503 cannot read at the moment whether it has booted$"):
            machines.script(MAC)
    assert not database.exists()
    States(database).store.prepare("--database")
    with pytest.raises(LookupError, match=r"^503 cannot read at the moment whether it has booted$"):
        machines.boot(OTHER)
    assert [record.name for record in caplog.records] == ["pixiecore.state"], "told once"
    aside.rename(database)
    with pytest.raises(LookupError, match="404 you don't netboot: it has booted once"):
        machines.script(MAC)
    assert server(database).boot(OTHER) is not None


def test_a_mistyped_database_is_told_and_not_made(database: Path) -> None:
    def run(*arguments: str) -> Result:
        return CliRunner().invoke(once, ["--database", str(database), *arguments])

    for arguments in (["list"], ["clear", "--all"], ["clear", MAC]):
        done = run(*arguments)
        assert isinstance(done.exception, StateMissing)
        assert f"there is no database {database}; a server makes it when it starts" in str(done.exception)
    assert run("list", "--help").exit_code == 0
    assert isinstance(run("arm", "nonsense").exception, ConfigError)
    assert not database.parent.exists()
    done = run("arm", MAC)
    assert done.stdout == f"{MAC} will boot from the network once\n"
    assert (
        done.stderr
        == f"Made a new database, {database}; the server reads it if its --once-database names the same file\n"
    )
    assert run("arm", MAC).stderr == ""
    assert run("list").exit_code == 0


def test_it_does_nothing_and_opens_nothing_until_it_is_switched_on(
    database: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(database.parent))
    spec = BootSpec(kernel=FileRef(location=str(Path(__file__).resolve())))
    for settings in (OnceSettings(), OnceSettings(enabled=False, unknown="ignore", database=database)):
        machines = Netboot(FixedBooter(spec), Once(settings))
        for _ in range(2):
            assert machines.boot(MAC) is not None
            machines.settle()
        assert machines.get("/once/done?mac=52:54:00:00:00:01&name=forged")[0] == 404
        machines.close()
    assert not database.parent.exists()
    assert caplog.records == []


def test_a_database_that_nobody_reads_is_told_of(
    database: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Once was on wherever it was installed: after an upgrade, machines would be installed again."""
    States(database).set(MAC, "done")
    before = database.read_bytes()
    monkeypatch.setenv("XDG_STATE_HOME", str(database.parent))
    (database.parent / "pixiecore").mkdir()
    database.rename(database.parent / "pixiecore" / "once.sqlite")
    machines = Netboot(FixedBooter(), Once(OnceSettings()))
    (told,) = caplog.records
    assert told.name == "pixiecore.once"
    assert "it is off: machines boot again, even if" in told.getMessage()
    assert "--once-enabled switches it on" in told.getMessage()
    machines.close()
    assert (database.parent / "pixiecore" / "once.sqlite").read_bytes() == before
    Netboot(FixedBooter(), Once(OnceSettings(enabled=False)))
    assert len(caplog.records) == 1, "the user said no"


@pytest.mark.parametrize("setting", [{"unknown": "ignore"}, {"database": "/nonexistent/once.sqlite"}])
def test_half_a_configuration_is_refused(setting: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="does nothing without --once-enabled"):
        Once(OnceSettings.model_validate(setting))


def full(database: Path, statement: str) -> None:
    """Have SQLite refuse what is written, as on a full disk, or (``DROP``) no longer."""
    with sqlite3.connect(database) as other:
        for table in ("records", "marks"):
            for what in ("INSERT", "UPDATE"):
                refuse = f"BEFORE {what} ON {table} BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
                other.execute(f"{statement} TRIGGER full_{table}_{what} {refuse if statement == 'CREATE' else ''}")
    other.close()


@pytest.mark.parametrize("unknown", ["boot", "ignore"])
def test_a_machine_whose_boot_cannot_be_written_is_held(database: Path, unknown: str) -> None:
    machines = server(database, unknown=unknown)
    for mac in (MAC, OTHER):
        States(database).set(mac, "armed")
    assert machines.discover(MAC) is not None
    full(database, "CREATE")
    finish(machines)
    for _ in range(2):
        with pytest.raises(LookupError, match=r"^503 it has booted, but that cannot be written at the moment$"):
            machines.script(MAC)
        with pytest.raises(LookupError, match=r"^503 could not write at the moment that it boots$"):
            machines.script(OTHER)
    for mac in (MAC, OTHER):
        assert re.search(f"Holding {mac}: .*disk is full", machines.log), "what is wrong is for the log"
    full(database, "DROP")
    with pytest.raises(LookupError, match="404 you don't netboot: it has booted once"):
        machines.script(MAC)
    assert machines.boot(OTHER) is not None
    machines.close()
    assert {known.mac: known.state for known in States(database).all()} == {MAC: "done", OTHER: "done"}


def test_a_boot_that_could_not_be_written_is_written_for_a_machine_that_stays_away(database: Path) -> None:
    machines = server(database, "quiet done={{ DONE }}")
    assert machines.discover(MAC) is not None
    full(database, "CREATE")
    finish(machines)
    full(database, "DROP")
    assert machines.script(OTHER)
    machines.close()
    assert {known.mac: known.state for known in States(database).all()} == {MAC: "installing", OTHER: "installing"}


def test_what_was_said_later_counts(database: Path) -> None:
    """A boot that could not be written takes nothing back that an administrator said meanwhile."""
    machines = server(database)
    assert machines.discover(MAC) is not None
    full(database, "CREATE")
    finish(machines)
    full(database, "DROP")
    States(database).set(MAC, "armed")
    assert machines.boot(MAC) is not None


class SlowBooter:
    """Thinks until it is told to go on."""

    def __init__(self) -> None:
        self.go = Event()
        self.go.set()

    @hookimpl
    def select_boot(self, machine: Machine) -> BootSpec:
        self.go.wait()
        return BootSpec(kernel=FileRef(location=str(Path(__file__).resolve())), cmdline="done={{ DONE }}")


def test_a_script_in_its_name_that_is_late_has_no_machine_installed_again(database: Path) -> None:
    """Somebody asked for it before the machine was done, and the booter answers afterwards."""
    booter = SlowBooter()
    machines = Netboot(booter, Once(OnceSettings(enabled=True, database=database)))
    done = machines.script(MAC).partition("done=")[2].split()[0]
    booter.go.clear()
    late = gevent.spawn(machines.script, MAC)
    gevent.sleep(0.05)
    assert machines.get(done)[0] == 200
    booter.go.set()
    assert "done=" in late.get(timeout=5)
    machines.settle()
    with pytest.raises(LookupError, match="404 you don't netboot: it has booted once"):
        machines.script(MAC)
    States(database).set(MAC, "armed")
    assert machines.script(MAC)
    machines.close()


def test_a_clock_that_is_set_back_has_no_machine_installed_again(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a day, after the machine was armed: its boot counts, or it would boot again for a day."""
    machines = server(database)
    States(database).set(MAC, "armed")
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() - 86_400)
    assert machines.boot(MAC) is not None
    machines.settle()
    with pytest.raises(LookupError, match="404 you don't netboot: it has booted once"):
        machines.script(MAC)
    machines.close()


def test_beyond_so_many_machines_nobody_new_boots_and_nobody_is_forgotten(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever makes machines up and says that they have booted fills no disk, and has none installed again."""
    monkeypatch.setattr("pixiecore_once.state.MOST", 2)
    machines = server(database)
    for mac in (MAC, OTHER):
        assert machines.boot(mac) is not None
    monkeypatch.setattr("pixiecore_once.state._COUNTED_SECONDS", 0.0)
    machines.close()
    machines = server(database)
    with pytest.raises(LookupError, match=r"404 you don't netboot: .* machines are remembered, and no more can be"):
        machines.script("52:54:00:00:00:02")
    with pytest.raises(LookupError, match="404 you don't netboot: it has booted once"):
        machines.script(MAC)
    States(database).set(MAC, "armed")
    assert machines.boot(MAC) is not None
    machines.settle()
    machines.close()


def test_done_is_answered_when_it_is_kept_and_503_where_it_is_not(database: Path) -> None:
    machines = server(database, "quiet done={{ DONE }}")
    boot = machines.boot(MAC)
    assert boot is not None
    machines.settle()
    url = boot.cmdline.removeprefix("quiet done=")
    full(database, "CREATE")
    status, text = machines.get(url)
    assert status == 503
    reason = f"{database} cannot be used: database or disk is full"
    assert text == f"{MAC} is not done, because that could not be written: {reason}\n"
    full(database, "DROP")
    assert machines.boot(MAC) is not None
    assert machines.get(url) == (200, f"{MAC} has booted once\n")
    assert [known.state for known in States(database).all()] == ["done"], "in the file, too"


def test_a_record_that_cannot_be_used_holds_its_machine_and_can_be_cleared(database: Path) -> None:
    machines = server(database, unknown="boot")
    States(database).set(MAC, "armed")
    with sqlite3.connect(database) as other:
        other.execute("UPDATE records SET value = '{}'")
    other.close()
    reason = "^503 cannot read at the moment whether it has booted$"
    with pytest.raises(LookupError, match=reason):
        machines.script(MAC)
    assert machines.boot(OTHER) is not None
    assert States(database).forget([MAC]) == 1
    assert machines.boot(MAC) is not None


def test_a_database_that_cannot_be_written_stops_the_start(database: Path) -> None:
    States(database).set(MAC, "done")
    full(database, "CREATE")
    mine = Once(OnceSettings(enabled=True, database=database))
    assert isinstance(mine.select_boot(Machine(mac=MAC)), Ignore), "a dry run does not write"
    with pytest.raises(ConfigError, match=r"--once-database: .*database or disk is full"):
        mine.on_startup()


def test_a_database_of_an_earlier_release_is_taken_over(database: Path) -> None:
    """As release 0.1 made it: nothing is installed twice because of an upgrade."""
    database.parent.mkdir()
    rows = [(MAC, "done", 1.5), (OTHER, "installing", 2.5), ("02:00:00:00:00:01", "armed", 3.5)]
    with sqlite3.connect(database) as old:
        old.execute(
            "CREATE TABLE IF NOT EXISTS machines (mac TEXT PRIMARY KEY, state TEXT NOT NULL, since REAL NOT NULL)"
        )
        old.executemany("INSERT INTO machines VALUES (?, ?, ?)", rows)
    old.close()
    machines = server(database)
    assert machines.boot(MAC) is None
    assert machines.boot(OTHER) is not None
    machines.close()
    assert [(known.mac, known.state, known.since) for known in States(database).all()] == rows[::-1]
    assert server(database).boot(MAC) is None
