"""What the documentation site has beyond docs/: the repository's own pages and the plugins', and links that lead there.

Pages are written for the repository, where links are relative to files. This maps each repository path to its place on
the site and rewrites the links. A link to a file that is on no page, such as code, becomes its text and the path;
one that leads nowhere is left as it is, and the strict build refuses it. In an unpacked source distribution README.md
has addresses in place of paths (tools/readme.py), which would need a network: here they are paths again.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
_FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
_NOTE = re.compile(r"\A<!--.*?-->\s*", re.DOTALL)
"""Before a page's heading it would hide the heading from MkDocs, which then names the page after its file."""
_ADDRESS = re.compile(r"\]\(https://github\.com/[^/\s)]+/[^/\s)]+/(?:blob|raw)/v[^/\s)]+/([^)\s?#]+)(?:\?[^)\s#]*)?")
_LINK = re.compile(r"\[([^\]]*)\]\(([^)\s#]+)(#[^)\s]*)?\)")


def outside_pages() -> dict[str, str]:
    """The pages that live outside docs/: from the path in the repository to the place on the site."""
    pages = {"README.md": "overview.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
    for readme in sorted(ROOT.glob("plugins/*/README.md")):
        name = readme.parent.name
        pages[f"plugins/{name}/README.md"] = f"plugins/{name.replace('_', '-')}.md"
    return pages


def on_config(config: Any) -> Any:
    """Complete the navigation: some sections follow from what there is."""
    plugins = [place for place in outside_pages().values() if place.startswith("plugins/")]
    decisions = sorted(page.relative_to(ROOT / "docs").as_posix() for page in (ROOT / "docs/decisions").glob("*.md"))
    _fill(config.nav, {"Plugins": plugins, "Decisions": sorted(decisions, key=lambda page: "README" not in page)})
    for entry in config.nav:
        for pages in entry.values():
            _complete(pages)
    return config


def on_files(files: Files, config: Any) -> Files:
    """Bring the pages in from outside."""
    for path, place in outside_pages().items():
        files.append(File.generated(config, place, abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown: str, page: Any, files: Files, **_: Any) -> str:
    """Turn links between files of the repository into links between pages of the site."""
    outside = outside_pages()
    place = page.file.src_uri
    home = next((path for path, there in outside.items() if there == place), f"docs/{place}")

    def local(match: re.Match[str]) -> str:
        path = match[1]
        return f"]({relpath(path, str(PurePosixPath(home).parent))}" if (ROOT / path).exists() else match[0]

    def moved(match: re.Match[str]) -> str:
        text, target, anchor = match[1], match[2], match[3] or ""
        path = normpath(str(PurePosixPath(home).parent / target))
        if re.match(r"[a-z]+:|/", target):
            return match[0]
        there = outside.get(path) or path.removeprefix("docs/")
        if files.get_file_from_path(there) is None and files.get_file_from_path(f"{there}/README.md") is not None:
            there += "/README.md"
        if there == path and not path.startswith("..") and (ROOT / path).exists():
            return text if text.strip("`") == path else f"{text} (`{path}`)"
        return f"[{text}]({relpath(there, str(PurePosixPath(place).parent))}{anchor})"

    markdown = _ADDRESS.sub(local, _NOTE.sub("", markdown))
    parts, position = [], 0
    for fence in _FENCE.finditer(markdown):
        parts += [_LINK.sub(moved, markdown[position : fence.start()]), fence[0]]
        position = fence.end()
    return "".join([*parts, _LINK.sub(moved, markdown[position:])])


def _complete(pages: list[Any]) -> None:
    """Let pages that a section does not list, such as new ones, follow those of the same folder that it does."""
    folders = {page.partition("/")[0] for page in pages if isinstance(page, str) and page.count("/") == 1}
    for folder in sorted(folders - {"plugins"}):
        there = sorted(page.relative_to(ROOT / "docs").as_posix() for page in (ROOT / "docs" / folder).glob("*.md"))
        pages += [page for page in there if page not in pages]


def _fill(nav: list[Any], sections: dict[str, list[str]]) -> None:
    for entry in nav:
        for title, pages in list(entry.items()) if isinstance(entry, dict) else []:
            if title in sections:
                entry[title] = sections[title]
            elif isinstance(pages, list):
                _fill(pages, sections)
