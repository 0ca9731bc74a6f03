"""The site builds without a warning, holds every page, and needs nothing from other hosts to be read."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tools.readme import with_addresses

ROOT = Path(__file__).parents[2]
BUILD = [sys.executable, "-W", "error", "-m", "mkdocs", "build", "--strict"]
SHOWN_AS = {"README.md": "overview", "CONTRIBUTING.md": "contributing", "CHANGELOG.md": "changelog"}


def build(config: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    command = [*BUILD, "--config-file", str(config), "--site-dir", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=config.parent)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = build(ROOT / "mkdocs.yml", folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_every_page_is_on_it(site: Path) -> None:
    pages = {page.relative_to(ROOT / "docs").with_suffix("").as_posix() for page in ROOT.glob("docs/**/*.md")}
    pages |= set(SHOWN_AS.values())
    pages |= {f"plugins/{page.parent.name.replace('_', '-')}" for page in ROOT.glob("plugins/*/README.md")}
    for page in pages:
        html = site / f"{page.removesuffix('README')}index.html" if page.endswith("README") else site / f"{page}.html"
        assert html.exists(), page


def test_links_to_code_become_its_path(site: Path) -> None:
    """There is no page for it, and it is not a mistake to name it."""
    html = (site / "explanation" / "plugins.html").read_text(encoding="utf-8")
    assert "(<code>pixiecore_core/hookspecs.py</code>)" in html


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "reference").glob("*.md")), ids=lambda page: page.name)
def test_the_reference_speaks_to_readers(site: Path, page: Path) -> None:
    """Each page is called what its heading says, and has no note for who writes it."""
    html = (site / "reference" / f"{page.stem}.html").read_text(encoding="utf-8")
    heading = re.search(r"^# (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert heading is not None
    assert f"<title>{heading[1]} - Pixiecore</title>" in html
    assert "do not edit" not in html
    assert "tools/" not in html


class Resources(HTMLParser):
    """Gathers what a browser fetches to show a page: not what it links to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        if tag == "link" and known.get("rel") in ("canonical", "prev", "next"):
            return
        name = {"link": "href", "script": "src", "img": "src", "iframe": "src"}.get(tag)
        if name and known.get(name):
            self.found.append(known[name] or "")


def test_nothing_comes_from_another_host(site: Path) -> None:
    for page in site.rglob("*.html"):
        resources = Resources()
        resources.feed(page.read_text(encoding="utf-8"))
        assert resources.found
        assert not [url for url in resources.found if re.match(r"(https?:)?//", url)], page
    for sheet in site.rglob("*.css"):
        assert not re.search(r"(url\(|@import)\s*['\"]?https?:", sheet.read_text(encoding="utf-8")), sheet


BROKEN = {
    "a page that is not there": ("nowhere.md", "'nowhere.md'"),
    "a heading that is not there": ("http.md#nowhere", "'http.md#nowhere'"),
    "a file that is not there": ("../../pixiecore_core/nowhere.py", "'../pixiecore_core/nowhere.py'"),
    "a plugin's heading that is not there": ("../../plugins/once/README.md#nowhere", "'../plugins/once.md#nowhere'"),
}
"""Links, and what they are called on the site."""


@pytest.fixture(scope="module")
def complaints(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What the build says of a copy of the documentation with every one of these links in it."""
    copy = tmp_path_factory.mktemp("broken")
    pages = [*ROOT.glob("docs/**/*.*"), *ROOT.glob("plugins/*/README.md"), *(ROOT / name for name in SHOWN_AS)]
    for file in [*pages, ROOT / "mkdocs.yml", ROOT / "tools" / "mkdocs_hook.py"]:
        target = copy / file.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.read_bytes())
    with (copy / "docs" / "reference" / "events.md").open("a", encoding="utf-8") as page:
        page.writelines(f"\n[x]({link})\n" for link, _ in BROKEN.values())
    done = build(copy / "mkdocs.yml", copy / "site")
    assert done.returncode != 0
    return [line for line in (done.stdout + done.stderr).splitlines() if "events.md" in line]


@pytest.mark.parametrize("name", [name for _, name in BROKEN.values()], ids=list(BROKEN))
def test_a_link_that_leads_nowhere_ends_the_build(complaints: list[str], name: str) -> None:
    (complaint,) = [line for line in complaints if name in line]
    assert complaint.startswith("WARNING")


def test_other_links_do_not(complaints: list[str]) -> None:
    assert len(complaints) == len(BROKEN)


def test_a_source_distribution_gives_the_same_site(tmp_path: Path, site: Path) -> None:
    """There the README is as a registry wants it, and the site must still not need a network."""
    for path in ("docs", "pixiecore_core", "plugins", "mkdocs.yml", "LICENSE", *SHOWN_AS):
        (tmp_path / path).symlink_to(ROOT / path)
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "mkdocs_hook.py").write_bytes((ROOT / "tools" / "mkdocs_hook.py").read_bytes())
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (tmp_path / "README.md").unlink()
    (tmp_path / "README.md").write_text(with_addresses(text, Path()), encoding="utf-8")
    done = build(tmp_path / "mkdocs.yml", tmp_path / "site")
    assert done.returncode == 0, done.stdout + done.stderr
    page = (tmp_path / "site" / "overview.html").read_text(encoding="utf-8")
    assert re.search(r'<img [^>]*src="assets/boot\.svg"', page)
    assert page == (site / "overview.html").read_text(encoding="utf-8")
