"""One machine's page, as elements. ``page_files/machine.js`` writes the same."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from pixiecore_core.web.machine_row import name_of, progress, state_of
from pixiecore_core.web.markup import Markup, element, joined
from pixiecore_core.web.server import ServerInfo
from pixiecore_core.web.views import DiagnosisView, MachineDetail, TimelineEntry

_CODE = "    "
"""Lines of a configuration begin with it."""


def machine_page(machine: MachineDetail, info: ServerInfo) -> Markup:
    """The page."""
    path = f"/_/v1/machines/{machine.mac}"
    links = [element("li", element("a", "This machine as JSON", href=path))]
    if info.sees_all:
        links.append(element("li", element("a", "Its last frames (pcap)", href=f"{path}/frames.pcap")))
    return joined(
        element("p", element("a", "All machines", href="/"), class_="back"),
        element("div", element("h1", name_of(machine)), element("span", state_of(machine), id="state"), class_="top"),
        element("p", machine.summary, id="summary", class_="summary"),
        element("div", progress(machine), id="progress"),
        element("div", *_diagnoses(machine.diagnoses), id="diagnoses"),
        element("div", id="actions"),
        element("h2", "Timeline"),
        element("div", _timeline(machine.timeline, "What has happened"), id="timeline"),
        element(
            "details",
            element("summary", "The attempt before"),
            element("div", _timeline(machine.before, "What happened before"), id="before"),
            hidden=None if machine.before else "",
            id="earlier",
        ),
        element("h2", "What it says of itself"),
        element("dl", *_facts(machine), id="facts"),
        element("ul", *links, class_="links"),
    )


def _diagnoses(diagnoses: Iterable[DiagnosisView]) -> Iterable[Markup]:
    for one in diagnoses:
        yield element(
            "section",
            element("h2", one.says),
            *_mend(one.mend),
            element("p", one.cause, class_="cause"),
            class_="diagnosis",
        )


def _mend(lines: Sequence[str]) -> Iterable[Markup]:
    """What to do: sentences, and lines of a configuration together in blocks."""
    block: list[str] = []
    for line in [*lines, ""]:
        if line.startswith(_CODE):
            block.append(line.removeprefix(_CODE))
            continue
        if block:
            yield element("pre", element("code", "\n".join(block)), tabindex="0")
            block = []
        if line:
            yield element("p", line)


def _timeline(entries: Sequence[TimelineEntry], caption: str) -> Markup:
    if not entries:
        return element("p", "Nothing yet.")
    rows = (
        element(
            "tr",
            element("td", _clock(one.at), class_="clock"),
            element("td", f"+{one.offset:.1f} s", class_="offset"),
            element("td", one.subsystem, class_="subsystem"),
            element("td", one.message),
            class_=one.level,
        )
        for one in entries
    )
    heads = (element("th", words, scope="col") for words in ("Time", "After", "From", "What"))
    return element(
        "table",
        element("caption", caption, class_="hidden"),
        element("thead", element("tr", *heads)),
        element("tbody", *rows),
        class_="timeline",
    )


def _facts(machine: MachineDetail) -> Iterable[Markup]:
    for name, value in facts_of(machine):
        yield element("dt", name)
        yield element("dd", value)


def facts_of(machine: MachineDetail) -> list[tuple[str, str]]:
    """What is known of it, by name."""
    began = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(machine.began)) if machine.began else ""
    known = [
        ("MAC", machine.mac),
        ("Name", machine.name),
        ("Address", machine.address),
        ("Manufacturer", machine.manufacturer),
        ("Model", machine.model),
        ("Serial number", machine.serial),
        ("Asset tag", machine.asset),
        ("UUID", machine.uuid),
        ("Firmware", machine.architecture),
        ("iPXE", machine.ipxe_version),
        ("Asked on", machine.interface),
        ("First request", began),
    ]
    return [(name, value) for name, value in known if value]


def _clock(at: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(at))
