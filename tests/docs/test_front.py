"""The front page's picture: drawn of what a boot says, needs nothing from elsewhere, is in the README and on the site.

Making it anew boots a machine, which is the lab's business: `make picture`.
"""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.lab.picture import COLUMNS, chosen, draw
from tools.metadata import REPOSITORY, VERSION
from tools.readme import with_addresses

ROOT = Path(__file__).parents[2]
PICTURE = ROOT / "docs" / "assets" / "boot.svg"
SHOWN_ON = {ROOT / "README.md": "docs/assets/boot.svg", ROOT / "docs" / "index.md": "assets/boot.svg"}
SAID = [
    ("Preparing a kernel to boot ...", ""),
    ("  192.0.2.2  pixiecore boot vmlinuz --cmdline='quiet lab.fetch={{ ID \"/home/me/file\" }} lab.word=1'", ""),
    ("pixiecore | [DHCP] Offering to boot 52:54:00:12:34:56 (UEFI x86_64 on eth0)", "cyan"),
    ("  machine | >>Start PXE over IPv4. " + "x" * COLUMNS, "yellow"),
    ('pixiecore | [HTTP] Sent file "errand file.bin" (file, 300,001 bytes in 0.0 s) to 52:54:00:12:34:56', "cyan"),
    ("  machine | LAB fetched 300001 ea937a", "yellow"),
    ("  machine | [    4.009849] reboot: Power down", "yellow"),
]


def lines_of(svg: str) -> list[str]:
    """What one reads in the picture, without its title."""
    found: dict[float, str] = {}
    for text in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text"):
        if "title" not in text.attrib["class"]:
            y = float(text.attrib["y"])
            found[y] = found.get(y, "") + "".join(text.itertext()).replace("\N{NO-BREAK SPACE}", " ").strip("\n")
    return [found[y].rstrip() for y in sorted(found)]


def test_steps_are_shown_and_the_rest_is_not() -> None:
    shown = lines_of(draw(chosen(SAID)))
    assert shown[0] == "  192.0.2.2  pixiecore boot vmlinuz --cmdline='quiet …"
    assert shown[1] == SAID[2][0]
    assert shown[2] == SAID[3][0][: COLUMNS - 1] + "…"
    assert len(shown) == 3


def test_the_picture_is_of_a_whole_boot() -> None:
    shown = lines_of(PICTURE.read_text(encoding="utf-8"))
    assert len(shown) <= 30
    for step in (
        "Ready",
        "Offering to boot",
        "Told",
        "loader",
        "Sent boot script",
        "kernel",
        "LAB machine",
        "booted Linux",
    ):
        assert any(step in line for line in shown), step
    assert max(map(len, shown)) <= COLUMNS


@pytest.mark.parametrize("svg", [PICTURE.read_text(encoding="utf-8"), draw(SAID)], ids=["kept", "drawn now"])
def test_it_needs_nothing_from_elsewhere(svg: str) -> None:
    assert len(svg.encode()) < 200_000
    assert not re.findall(r"url\((?!#)|@font-face|@import", svg)
    for element in ElementTree.fromstring(svg).iter():
        assert element.tag.rpartition("}")[2] not in ("script", "image", "use", "foreignObject")
        assert not [name for name in element.attrib if name.endswith("href")]


def test_it_looks_as_it_would_if_drawn_now() -> None:
    """But for the text: who changes the template makes the picture anew."""
    styles = [re.findall(r"<style>.*?\{ fill:", svg, re.DOTALL) for svg in (PICTURE.read_text("utf-8"), draw(SAID))]
    assert styles[0]
    assert styles[0] == styles[1]


@pytest.mark.parametrize("page", SHOWN_ON, ids=lambda page: page.name)
def test_it_is_shown_with_words_for_who_cannot_see_it(page: Path) -> None:
    """In an unpacked source distribution the README has addresses already."""
    text = page.read_text(encoding="utf-8")
    (words,) = re.findall(rf"^!\[(.+)\]\(\S*{re.escape(SHOWN_ON[page])}\S*\)$", text, re.MULTILINE)
    assert len(words) > 80


def test_a_registry_shows_the_picture_and_its_links_work() -> None:
    text = with_addresses((ROOT / "README.md").read_text(encoding="utf-8"), Path())
    assert f"]({REPOSITORY}/raw/v{VERSION}/docs/assets/boot.svg?sanitize=true)" in text
    assert f"]({REPOSITORY}/blob/v{VERSION}/docs/tutorial/first-boot.md)" in text
    for target in re.findall(r"\]\(([^)]+)\)", text):
        assert target.startswith(("https://", "http://", "#"))
        kind, _, path = target.partition(f"/v{VERSION}/")
        assert not kind.startswith(REPOSITORY) or (ROOT / path.partition("?")[0].partition("#")[0]).exists()


@pytest.mark.parametrize(
    ("text", "folder", "becomes"),
    [
        ("[x](a.md#b)", "plugins/once", f"[x]({REPOSITORY}/blob/v{VERSION}/plugins/once/a.md#b)"),
        ("[x](../../README.md)", "plugins/once", f"[x]({REPOSITORY}/blob/v{VERSION}/README.md)"),
        ("![x](p.png)", "docs", f"![x]({REPOSITORY}/raw/v{VERSION}/docs/p.png)"),
        (
            "[![x](p.svg)](a.md)",
            "",
            f"[![x]({REPOSITORY}/raw/v{VERSION}/p.svg?sanitize=true)]({REPOSITORY}/blob/v{VERSION}/a.md)",
        ),
        ("[x](https://example.net/) [y](#z)", "", "[x](https://example.net/) [y](#z)"),
    ],
)
def test_addresses(text: str, folder: str, becomes: str) -> None:
    assert with_addresses(text, Path(folder)) == becomes
