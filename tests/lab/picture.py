"""`python -m tests.lab.picture FILE`: a boot in the terminal, as an SVG for the front page.

It boots the demo's machine and draws what the demo says of it. Lines are left out, or cut short with an ellipsis;
none is made up or changed. The file needs nothing else: it names no font of another host, and brings its own dark
background, so that it can be read on a light page and on a dark one.
"""

from __future__ import annotations

import io
import re
import shutil
import sys
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from .artefacts import new_folder
from .demo import DEFAULT_MACHINE, demonstrate
from .machines import MACHINES

COLUMNS = 100
TITLE = "make demo, shortened"

_SHOWN = re.compile(
    r"A small network|dnsmasq|pixiecore boot|switched on"
    r"|\[Init\] Ready|Offering|Told|Sent(?!.*\(file,)|has everything"
    r"|>>Start PXE|NBP file(name|size)|iPXE \d|Filename:|/_/\w+\.\.\. ok$|LAB (machine|cmdline)"
)
"""Not the file that the booted system then fetches: that is the lab's own proof."""
_ERRAND = re.compile(r" lab\.fetch=.*")
"""Where command lines are cut short: what follows is the lab's own, with paths of this machine."""
_THEME = TerminalTheme(
    background=(24, 27, 34),
    foreground=(216, 222, 233),
    normal=[
        (59, 66, 82),
        (240, 113, 120),
        (140, 204, 126),
        (235, 203, 139),
        (129, 161, 241),
        (199, 146, 234),
        (125, 207, 222),
        (216, 222, 233),
    ],
)
_TEMPLATE = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  font-size: {char_height}px; line-height: {line_height}px; white-space: pre; }}
.{unique_id}-title {{ font-family: system-ui, sans-serif; font-size: 18px; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal"><rect width="{terminal_width}" height="{terminal_height}"/></clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def chosen(lines: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """What is shown of what the demo says: the command, the steps, and what the machine says of itself."""
    return [(_ERRAND.sub(" …", text), colour) for text, colour in lines if _SHOWN.search(text)]


def draw(lines: list[tuple[str, str]]) -> str:
    """Lines with their colours, as SVG."""
    console = Console(width=COLUMNS, record=True, file=io.StringIO(), color_system="truecolor", force_terminal=True)
    for text, colour in lines:
        console.print(Text(text, style=colour), no_wrap=True, overflow="ellipsis")
    svg = console.export_svg(title=TITLE, theme=_THEME, code_format=_TEMPLATE, unique_id="boot")
    return "".join(f"{line.rstrip()}\n" for line in svg.splitlines() if line.strip())


def main(file: Path) -> None:
    """Boot the machine, and write the picture."""
    lines: list[tuple[str, str]] = []

    def say(text: str, colour: str = "") -> None:
        lines.append((text.strip("\n"), colour))

    folder = new_folder("picture")
    seconds = demonstrate(MACHINES[DEFAULT_MACHINE], folder, say)
    shutil.rmtree(folder)
    shown = chosen(lines)
    shown += [(f"{DEFAULT_MACHINE} booted Linux through Pixiecore in {seconds:.1f} s.", "green")]
    file.write_text(draw(shown), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
