"""The documentation as tests see it: its pages, their blocks of code, the files that a page has its reader make."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("plugins/*/README.md")],
    key=lambda page: page.relative_to(ROOT).as_posix(),
)


@dataclass(frozen=True)
class Block:
    """One fenced block."""

    page: Path
    line: int
    language: str
    text: str
    before: str
    """The line of prose before it."""

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def file(self) -> str | None:
        """The name of the file that the block is the whole of: a line of its own before it, as `NAME`: says so."""
        named = re.fullmatch(r"`([\w./-]+)`:", self.before)
        return named[1] if named else None


def blocks(*pages: Path) -> list[Block]:
    """Every fenced block with a language, in order."""
    found = []
    for page in pages or PAGES:
        before, opened, start, text = "", None, 0, []
        for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
            fence = re.match(r"^\s*```(\w*)\s*$", line)
            if fence and opened is None:
                opened, start, text = fence[1], number, []
            elif fence and not fence[1]:
                if opened:
                    found.append(Block(page, start, opened or "", "".join(f"{part}\n" for part in text), before))
                opened = None
            elif opened is not None:
                text.append(line)
            elif line.strip():
                before = line.strip()
        assert opened is None, f"{page}: a block that begins in line {start} does not end"
    return found


def files(page: Path, after: str = "", until: str = "") -> dict[str, str]:
    """The files that *page* gives whole, by name; where one is given twice, the last.

    :param after: only what is after this heading
    :param until: only what is before this heading
    """
    lines = page.read_text(encoding="utf-8").splitlines()
    first = lines.index(after) if after else 0
    last = lines.index(until) if until else len(lines)
    return {block.file: block.text for block in blocks(page) if block.file and first < block.line < last}


def install(distribution: dict[str, str], folder: Path) -> None:
    """Make *folder* what an installed distribution is found in, as pip would, from its files and its pyproject.toml."""
    for name, text in distribution.items():
        (folder / name).write_text(text, encoding="utf-8")
    project = tomllib.loads(distribution["pyproject.toml"])["project"]
    info = folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    requirements = "".join(f"Requires-Dist: {requirement}\n" for requirement in project["dependencies"])
    heading = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    (info / "METADATA").write_text(heading + requirements)
    points = "".join(f"{name} = {module}\n" for name, module in project["entry-points"]["pixiecore"].items())
    (info / "entry_points.txt").write_text(f"[pixiecore]\n{points}")
