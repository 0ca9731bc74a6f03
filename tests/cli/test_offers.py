"""Settings of plugins that nobody has tried yet: every type of them, and what is refused by name while it loads."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli import plugins
from tests.command import failure, pixiecore

MAC = "52:54:00:12:34:56"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where plugins can be installed."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path


def shown(*arguments: str) -> set[str]:
    """What ``pixiecore config`` says of each setting."""
    done = pixiecore("config", *arguments)
    assert done.returncode == 0, done.stderr
    return {" ".join(line.split()) for line in done.stdout.splitlines()}


CLASHES = {
    "with the server": (
        [("cache", 'dir: str = ""')],
        "PIXIECORE_CACHE_DIR: the server's setting 'cache_dir' and setting 'dir' of policy 'cache'",
    ),
    "with each other": (
        [("a", 'b_c: str = ""'), ("a-b", 'c: str = ""')],
        "PIXIECORE_A_B_C: setting 'b_c' of policy 'a' and setting 'c' of policy 'a-b'",
    ),
    "by the name of one": (
        [("a", 'a_b: str = ""', 'b: str = ""')],
        "PIXIECORE_A_B: setting 'a_b' of policy 'a' and setting 'b' of policy 'a'",
    ),
    "by a letter": (
        [("x", 'y: str = Field("", json_schema_extra={"short": "-p"})')],
        "-p: the server's setting 'port' and setting 'y' of policy 'x' would both be called so",
    ),
    "with the help": (
        [("x", 'y: str = Field("", json_schema_extra={"short": "-h"})')],
        "-h: the option for help and setting 'y' of policy 'x' would both be called so",
    ),
    "with a command": (
        [
            ("x", 'y: str = Field("", json_schema_extra={"short": "-q"})'),
            ("z", 'y: str = Field("", json_schema_extra={"short": "-q"})'),
        ],
        "-q: setting 'y' of policy 'x' and setting 'y' of policy 'z'",
    ),
    "an alias": ([("x", 'y: str = Field("", alias="z")')], "policy 'x', setting 'y': cannot have an alias"),
    "a short": (
        [("x", 'y: str = Field("", json_schema_extra={"short": 5})')],
        "policy 'x', setting 'y': its short must be",
    ),
    "a metavar": (
        [("x", 'y: str = Field("", json_schema_extra={"metavar": 5})')],
        "policy 'x', setting 'y': its metavar must be a string",
    ),
    "an unknown type": ([("x", 'y: "Nothing" = None')], "policy 'x': its Settings cannot be used: "),
}


@pytest.mark.parametrize("case", CLASHES)
def test_what_cannot_work_is_refused_by_name(folder: Path, case: str) -> None:
    offers, words = CLASHES[case]
    for name, *settings in offers:
        plugins.offer(folder, name, *settings)
    message = failure(pixiecore("run", "--help"), 2)
    assert words in message


def test_a_booter_and_a_policy_of_one_name_share_no_variable(folder: Path) -> None:
    plugins.offer(folder, "static", 'kernel: str = ""', plugin="other")
    message = failure(pixiecore("plugins"), 2)
    assert "PIXIECORE_STATIC_KERNEL: setting 'kernel' of booter 'static' and setting 'kernel' of policy" in message


def test_a_booter_s_option_that_another_has(folder: Path) -> None:
    plugins.offer(folder, "odd", 'serial: str = "none"', kind="booters")
    plugins.offer(folder, "odd-two", "port: int = 1", kind="booters")
    plugins.offer(folder, "odd-three", 'once_unknown: str = ""', kind="booters")
    select = ["select", "--booter", "odd", "--mac", MAC]
    done = pixiecore(*select, "--serial", "of the machine", "--booter-serial", "x")
    assert done.returncode == 0, done.stderr
    assert "  kernel   http://h/x\n" in done.stdout
    assert 'serial = "y" # --serial' in shown("--booter", "odd", "--serial", "y")
    for command in ("run", "config"):
        message = failure(pixiecore(command, "--booter", "odd-two"), 2)
        assert "--port: the server's setting 'port' and setting 'port' of booter 'odd-two' would both" in message
    message = failure(pixiecore("select", "--booter", "odd-three", "--mac", MAC), 2)
    assert "--once-unknown: setting 'unknown' of policy 'once' and setting 'once_unknown' of booter" in message


def test_every_type_of_setting(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plugins.offer(
        folder,
        "types",
        "on: bool = True",
        "plain: list = []",
        "several: Sequence[str] = ()",
        "perhaps: list[str] | None = None",
        "table: dict[str, Any] = {}",
        "undescribed: int = 3",
        'described: int = Field(4, description="a number")',
        'colour: Colour = Field(Colour.RED, description="a colour")',
        'patience: Duration = Field(Duration("1m30s"), description="how long")',
    )
    text = " ".join(pixiecore("run", "--help").stdout.split())
    assert "--types-on / --no-types-on" in text
    assert "--types-described DESCRIBED A number. [default: 4]" in text
    assert "--types-colour COLOUR A colour. [default: red]" in text
    assert "--types-patience PATIENCE How long. [default: 1m30s]" in text
    assert 'colour = "blue" # --types-colour' in shown("--types-colour", "blue")
    assert 'patience = "250ms" # --types-patience' in shown("--types-patience", "0.25")
    options = [f"--types-{name}={value}" for name in ("plain", "several", "perhaps") for value in "ab"]
    assert {f'{name} = ["a", "b"] # --types-{name}' for name in ("plain", "several", "perhaps")} <= shown(*options)
    assert "on = false # --no-types-on" in {
        line.replace("--types-on", "--no-types-on") for line in shown("--no-types-on")
    }
    monkeypatch.setenv("PIXIECORE_TYPES_PERHAPS", "a, b")
    assert 'perhaps = ["a", "b"] # PIXIECORE_TYPES_PERHAPS' in shown()
    (folder / "x.toml").write_text('[plugin.types]\ntable = { password = "p", n = 1 }\nseveral = "a"\n')
    lines = shown("--config", str(folder / "x.toml"))
    assert {
        '# table = {password = "(hidden)", n = 1} # [plugin.types] table; hidden here, and so not read back',
        'several = ["a"] # [plugin.types] several',
    } <= lines
    message = failure(pixiecore("config", "--types-table", "x"), 2)
    assert "--types-table: is a table, which can only stand in the settings file" in message


def test_a_model_that_breaks_is_named(folder: Path) -> None:
    plugins.offer(folder, "x", "a: int = 0", '@field_validator("a")', "def no(cls, value):", "    return {}[value]")
    assert "--x-a: could not be checked (KeyError: 5)" in failure(pixiecore("config", "--x-a", "5"), 2)
    plugins.offer(folder, "y", "b: int = 0", "c: int = Field(default_factory=lambda: sys.exit())")
    assert pixiecore("run", "--help").returncode == 0
    assert "--y-c: could not be checked (SystemExit: )" in failure(pixiecore("config"), 2)


def test_a_required_setting_of_a_policy_is_called_as_its_option_is(folder: Path) -> None:
    plugins.offer(folder, "x", "a: int")
    message = failure(pixiecore("config"), 2)
    assert message == "Error: --x-a: is needed; give it here, as PIXIECORE_X_A or as a in [plugin.x]\n"
