"""One boot, and no other: over any booter, however often a boot asks, and from the command line."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from pixiecore_once import Once, OnceSettings
from pixiecore_once.command import once
from pixiecore_once.state import States

from pixiecore_core import BootSpec, ConfigError, FileRef, Hold, Machine
from pixiecore_core.testing import FixedBooter, Netboot

MAC, OTHER = "52:54:00:12:34:56", "52:54:00:00:00:01"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "state" / "once.sqlite"


def server(database: Path, cmdline: str = "quiet", **settings: str) -> Netboot:
    spec = BootSpec(kernel=FileRef(location=str(Path(__file__).resolve())), cmdline=cmdline)
    return Netboot(FixedBooter(spec), Once(OnceSettings.model_validate({"database": database, **settings})))


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
    assert machines.boot(MAC) is None
    assert machines.get("/once/done?mac=52:54:00:00:00:01&name=forged")[0] == 403
    assert machines.boot(OTHER) is not None


def test_the_state_survives_a_restart(database: Path) -> None:
    finish(server(database))
    assert server(database).boot(MAC) is None


def test_unknown_machines_can_be_left_alone(database: Path) -> None:
    machines = server(database, unknown="ignore")
    assert machines.boot(MAC) is None
    assert f"nobody has armed it; to boot it: pixiecore once arm {MAC}" in machines.log
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
            Once(OnceSettings(database=path))
    assert sqlite3.sqlite_version


def test_a_machine_waits_while_another_process_holds_the_file(database: Path) -> None:
    mine = Once(OnceSettings(database=database))
    writer = sqlite3.connect(database, isolation_level=None)
    writer.execute("BEGIN EXCLUSIVE")
    answer = mine.select_boot(Machine(mac=MAC))
    assert isinstance(answer, Hold)
    assert "cannot be read at the moment: database is locked" in answer.reason
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
        with pytest.raises(LookupError, match=rf"^503 whether it has booted .*{database} has been removed"):
            machines.script(MAC)
    assert not database.exists()
    States(database).file.prepare("--database")
    with pytest.raises(LookupError, match=r"503 .* is another file than the one that was opened; put the old one"):
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
        assert done.exit_code == 1
        assert f"there is no database {database}; name the server's --once-database" in done.stderr
    assert run("list", "--help").exit_code == 0
    assert isinstance(run("arm", "nonsense").exception, ConfigError)
    assert not database.parent.exists()
    done = run("arm", MAC)
    assert done.stdout == f"{MAC} will boot from the network once\n"
    assert done.stderr == f"Made a new database, {database}: the server reads it as --once-database\n"
    assert run("arm", MAC).stderr == ""
    assert run("list").exit_code == 0
