"""How a plugin and its commands open what is kept, and what a user is told."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pixiecore_core import ConfigError, StateMissing, StateStore


def test_a_command_that_asks_makes_no_file(tmp_path: Path) -> None:
    path = tmp_path / "new" / "state.sqlite"
    with pytest.raises(StateMissing) as caught:
        StateStore(path).open_for_command("--once-database")
    assert str(caught.value) == (
        f"there is no database {path}; a server makes it when it starts. If yours uses another (--once-database), "
        "name that one before the subcommand: --database FILE"
    )
    assert not path.parent.exists()


def test_a_command_that_decides_makes_a_file_and_says_so_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "new" / "state.sqlite"
    StateStore(path).open_for_command("--once-database", make=True)
    assert (
        capsys.readouterr().err
        == f"Made a new database, {path}; the server reads it if its --once-database names the same file\n"
    )
    for make in (True, False):
        StateStore(path).open_for_command("--once-database", make)
    assert capsys.readouterr() == ("", "")


def test_a_command_names_its_own_option(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no database" * 1000)
    with pytest.raises(ConfigError, match=r"^--database: .* cannot be used: file is not a database"):
        StateStore(tmp_path / "text").open_for_command("--once-database")


def test_it_says_where_it_is(tmp_path: Path) -> None:
    assert StateStore(tmp_path / "x").path == tmp_path / "x"


# Whoever is nobody may not be able to read this clone: all that is needed is imported before.
_BE_NOBODY = (
    "import os, sys, tempfile; from pathlib import Path; from pixiecore_core import StateStore\n"
    "with tempfile.TemporaryDirectory() as folder:\n"
    "    store = StateStore(Path(folder, 'warm.sqlite'))\n"
    "    store.prepare('--once-database'); store.keys_for_a_shell('')\n"
    "os.setuid(65534)\n"
)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another user to be")
def test_a_folder_that_is_closed_to_the_user_is_told_in_a_line(tmp_path: Path) -> None:
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o700)
    (folder / "state.sqlite").touch()
    tmp_path.chmod(0o755)
    program = f"{_BE_NOBODY}StateStore(Path(sys.argv[1])).open_for_command('--once-database')"
    done = subprocess.run(
        [sys.executable, "-c", program, folder / "state.sqlite"], capture_output=True, text=True, check=False
    )
    assert done.stderr.splitlines()[-1].endswith(
        "cannot be looked at: Permission denied; run this as root, or as the server's user"
    )
    assert "ConfigError" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another user to be")
def test_a_shell_that_may_not_look_is_told_of_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o700)
    store = StateStore(folder / "state.sqlite")
    (folder / "state.sqlite").touch()
    assert store.is_there
    tmp_path.chmod(0o755)
    program = f"{_BE_NOBODY}store = StateStore(Path(sys.argv[1])); print(store.is_there, store.keys_for_a_shell('5'))"
    done = subprocess.run([sys.executable, "-c", program, store.path], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("False []\n", "")
