"""One machine as a row of the page's table. ``page_files/page.js`` writes the same elements."""

from __future__ import annotations

from typing import Final

from pixiecore_core.web.amounts import ago, moved
from pixiecore_core.web.markup import Markup, element, joined
from pixiecore_core.web.views import MachineSummary

HEADS: Final = {
    "state": "State",
    "machine": "Machine",
    "hardware": "Hardware",
    "step": "Progress",
    "heard": "Heard",
    "note": "Note",
}
"""The columns, and what is above them."""


def name_of(machine: MachineSummary) -> str:
    """What a machine is called."""
    return machine.name or machine.mac


def state_of(machine: MachineSummary) -> Markup:
    """Its state: a word, and a mark."""
    return element("span", machine.state, class_=f"state {machine.state.replace(' ', '-')}")


def row(machine: MachineSummary, now: float) -> Markup:
    """A row."""
    link = element("a", name_of(machine), href=f"/machines/{machine.mac}")
    mac = element("span", machine.mac, class_="mac") if machine.name else None
    hardware = " ".join(part for part in (machine.manufacturer, machine.model) if part) or machine.architecture
    cells = {
        "state": state_of(machine),
        "machine": joined(link, mac, element("span", machine.address, class_="mac") if machine.address else None),
        "hardware": joined(
            element("span", hardware), element("span", machine.serial, class_="mac") if machine.serial else None
        ),
        "step": progress(machine) or element("span", machine.step),
        "heard": element("time", f"{ago(now - machine.heard)} ago", data_at=f"{machine.heard:.3f}"),
        "note": element("span", machine.note or machine.cause),
    }
    return element(
        "tr",
        *(element("td", cell, role="cell", class_=name) for name, cell in cells.items()),
        role="row",
        data_mac=machine.mac,
    )


def progress(machine: MachineSummary) -> Markup | None:
    """A file on its way: a bar, how much of it, how fast."""
    moving = machine.progress
    if moving is None or not moving.size:
        return None
    words = moved(moving.bytes, moving.size, moving.seconds)
    name = moving.file.rsplit("/", 1)[-1]
    bar = element(
        "progress", words, max=str(moving.size), value=str(min(moving.bytes, moving.size)), aria_label=name or "a file"
    )
    return joined(bar, element("span", words), element("span", name, class_="mac") if name else None)
