"""How a plugin and its commands open what is kept, and what a user is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from pixiecore_core import ConfigError, StateMissing, StateStore


def test_a_command_that_asks_makes_no_file(tmp_path: Path) -> None:
    path = tmp_path / "new" / "state.sqlite"
    with pytest.raises(StateMissing) as caught:
        StateStore(path).open_for_command("--once-database")
    assert str(caught.value) == f"there is no database {path}; name the server's --once-database with --database"
    assert not path.parent.exists()


def test_a_command_that_decides_makes_a_file_and_says_so_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "new" / "state.sqlite"
    StateStore(path).open_for_command("--once-database", make=True)
    assert capsys.readouterr().err == f"Made a new database, {path}: the server reads it as --once-database\n"
    for make in (True, False):
        StateStore(path).open_for_command("--once-database", make)
    assert capsys.readouterr() == ("", "")


def test_a_command_names_its_own_option(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no database" * 1000)
    with pytest.raises(ConfigError, match=r"^--database: .* cannot be used: file is not a database"):
        StateStore(tmp_path / "text").open_for_command("--once-database")


def test_it_says_where_it_is(tmp_path: Path) -> None:
    assert StateStore(tmp_path / "x").path == tmp_path / "x"
