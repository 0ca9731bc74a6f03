"""The page for people: ``/`` lists machines, ``/machines/MAC`` tells of one. Whole without a script; with it, live.

What is shown, other modules know; how it looks is in ``page_files``, whose script writes the same elements again
whenever something changes. Changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Final
from urllib.parse import urlencode

from werkzeug.wrappers import Request, Response

from pixiecore_core.engine.attempts import Outcome
from pixiecore_core.models import normalise_mac
from pixiecore_core.net.site import Page, text
from pixiecore_core.web.amounts import ago
from pixiecore_core.web.headers import PAGE_HEADERS
from pixiecore_core.web.machine_page import machine_page
from pixiecore_core.web.machine_row import HEADS, name_of, row
from pixiecore_core.web.markup import Markup, element, joined
from pixiecore_core.web.server import ServerInfo
from pixiecore_core.web.status import MACHINES
from pixiecore_core.web.v1 import MachinePages
from pixiecore_core.web.views import MachineSummary

PAGE_PATH = "/"
"""The machines heard of last, for people, live where the browser runs scripts. In the query ``state`` and ``find``
choose among them, as in the JSON."""
MACHINE_PAGE_PATH = "/machines/"
"""``MAC``: one machine for people: its timeline, why it has not booted, and what to do."""
FILES_PATH = "/_/page/"
"""``NAME``: style, script and picture of the page."""

_FILES: Final = {
    "page.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "machine.js": "text/javascript; charset=utf-8",
    "common.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
_LINKS = (
    ("/_/v1/machines", "Machines (JSON)"),
    ("/_/v1/server", "Server (JSON)"),
    ("/_/v1/openapi.json", "OpenAPI"),
    ("/_/metrics", "Counts"),
)


@dataclass(frozen=True, slots=True)
class PeoplePages:
    """The pages.

    :param info: what is known of the server
    """

    machines: MachinePages
    info: Callable[[Request], ServerInfo]

    def pages(self) -> dict[str, Page]:
        """The pages by path."""
        return {PAGE_PATH: self._list}

    def folders(self) -> dict[str, Page]:
        """The pages that answer for all paths that begin so."""
        return {MACHINE_PAGE_PATH: self._machine, FILES_PATH: _file}

    def _list(self, request: Request) -> Response:
        info, state, find = self.info(request), request.args.get("state", ""), request.args.get("find", "")
        found = self.machines.chosen(info.sees_all, MACHINES, state, find)
        return _page("Machines", "page.js", _list(info, found, state, find), info)

    def _machine(self, request: Request) -> Response:
        try:
            mac = normalise_mac(request.path.removeprefix(MACHINE_PAGE_PATH))
        except ValueError as error:
            return text(404, str(error))
        info, machine = self.info(request), self.machines.detail(request, mac)
        return _page(name_of(machine), "machine.js", machine_page(machine, info), info)


def _file(request: Request) -> Response:
    name = request.path.removeprefix(FILES_PATH)
    if name not in _FILES:
        return text(404, "no such page")
    data = files("pixiecore_core.web").joinpath("page_files", name).read_bytes()
    return Response(data, headers=PAGE_HEADERS, content_type=_FILES[name])


def _page(title: str, script: str, inside: Markup, info: ServerInfo) -> Response:
    """A whole document."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", f"{title} · Pixiecore"),
        element("link", rel="icon", href="/_/page/icon.svg"),
        element("link", rel="stylesheet", href="/_/page/page.css"),
        element("script", type="module", src=f"/_/page/{script}"),
        element("noscript", element("meta", http_equiv="refresh", content="5")),
    )
    header = element(
        "header",
        element("a", "Pixiecore", href="/", class_="brand"),
        element("span", f"version {info.version}, up ", _time(info.since, ago(info.uptime)), class_="about"),
        element("span", id="connection", role="status"),
    )
    links = (element("li", element("a", words, href=path)) for path, words in _LINKS)
    footer = element("footer", element("nav", element("ul", *links), aria_label="For programs"))
    skip = element("a", "Skip to the content", href="#content", class_="skip")
    body = element("body", skip, header, element("main", inside, id="content", tabindex="-1"), footer)
    document = joined(Markup("<!doctype html>\n"), element("html", head, body, lang="en"))
    return Response(document.encode("utf-8", "replace"), headers=PAGE_HEADERS, content_type="text/html; charset=utf-8")


def _list(info: ServerInfo, machines: Sequence[MachineSummary], state: str, find: str) -> Markup:
    heads = (element("th", words, scope="col", role="columnheader", class_=name) for name, words in HEADS.items())
    table = element(
        "table",
        element("caption", "Machines, the one heard of last first", class_="hidden"),
        element("thead", element("tr", *heads, role="row"), role="rowgroup"),
        element("tbody", *(row(machine, info.at) for machine in machines), id="machines", role="rowgroup"),
        role="table",
    )
    words = "No machine has asked to boot yet." if not info.known else "No machine is like that."
    nothing = element("p", words, id="nothing", class_="nothing", hidden="" if machines else None)
    search = element(
        "form",
        element("label", "Search", for_="find"),
        element(
            "input",
            type="search",
            id="find",
            name="find",
            value=find,
            placeholder="MAC, name, serial, model, address",
            autocomplete="off",
            spellcheck="false",
        ),
        element("input", type="hidden", name="state", value=state),
        element("button", "Search", type="submit"),
        role="search",
        action="/",
    )
    more = None
    if info.known > MACHINES and not state and not find:
        everything = element("a", "all, as JSON", href="/_/v1/machines?limit=all")
        more = element("noscript", element("p", f"{info.known - MACHINES} more asked earlier: ", everything))
    return joined(
        element("div", element("h1", "Machines"), search, class_="top"),
        _states(info, state, find),
        _policies(info),
        element("p", id="count", class_="hidden", role="status"),
        table,
        nothing,
        more,
    )


def _states(info: ServerInfo, state: str, find: str) -> Markup:
    """How many machines are in each state: links that choose among them."""
    counted = [("", "all", info.known), *((str(one), str(one), info.states.get(str(one), 0)) for one in Outcome)]
    links = []
    for value, word, number in counted:
        query = urlencode({name: said for name, said in (("state", value), ("find", find)) if said})
        chosen = "true" if value == state else None
        shown = None if number or not value or chosen else ""
        link = element(
            "a",
            element("span", str(number), class_="number"),
            f" {word}",
            href=f"/?{query}" if query else "/",
            data_state=value,
            class_=f"state {value.replace(' ', '-') or 'all'}",
            aria_current=chosen,
        )
        links.append(element("li", link, hidden=shown))
    return element("nav", element("ul", *links, id="states"), aria_label="Machines by state")


def _policies(info: ServerInfo) -> Markup | None:
    said = [f"{one.name}: {one.says}." for one in info.policies]
    warned = [
        f"{one.server} spoils boots{f': {one.says}' if one.says else ''}." for one in info.neighbours if one.breaks
    ]
    if not said and not warned:
        return None
    items = [*(element("li", words) for words in said), *(element("li", words, class_="warning") for words in warned)]
    return element("ul", *items, class_="notes")


def _time(at: float, words: str) -> Markup:
    return element("time", words, data_since=f"{at:.3f}")
