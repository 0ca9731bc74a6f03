"""What lines of installers and booted systems mean: a small table of patterns, each with its source. Pure.

Programs say much, and little of it is a step; who waits for a machine wants to know how far it is. Keeps nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pixiecore_core.wire.syslog import SyslogLine


@dataclass(frozen=True, slots=True)
class Milestone:
    """A row."""

    program: str
    """Who says it: the whole name, as a regular expression."""
    text: str
    """What it says: its beginning, as a regular expression."""
    step: str
    source: str


_MENU = "debian-installer, main-menu.c: do_menu_item"


def _menu(package: str, step: str) -> Milestone:
    return Milestone("main-menu", rf"(?:\w+: )?Menu item '{package}' selected", f"installer: {step}", _MENU)


MILESTONES: tuple[Milestone, ...] = (
    _menu("(?:localechooser|brltty-udeb|console-setup-udeb|kbd-chooser)", "language and keyboard"),
    _menu("ethdetect", "network card"),
    _menu("netcfg", "network"),
    _menu("network-preseed", "preseed"),
    _menu("(?:choose-mirror|choose-mirror-bin)", "mirror"),
    _menu("(?:download-installer|load-cdrom|anna)", "loading its components"),
    _menu("(?:user-setup-udeb|passwd)", "users"),
    _menu("(?:clock-setup|tzsetup-udeb)", "clock"),
    _menu("(?:disk-detect|partman-base|partman-auto|partitioner)", "partitioning"),
    _menu("(?:bootstrap-base|base-installer|live-installer)", "base system"),
    _menu("apt-(?:setup-udeb|mirror-setup)", "package sources"),
    _menu("pkgsel", "packages"),
    _menu("(?:grub-installer|lilo-installer|nobootloader|arch-boot-installer|systemd-boot-installer)", "boot loader"),
    _menu("(?:finish-install|di-utils-reboot)", "finishing"),
    Milestone("cloud-init", r"Cloud-init v\. \S+ running 'init", "cloud-init: started", "cloud-init, cmd/main.py"),
    Milestone("cloud-init", r"Cloud-init v\. \S+ running 'modules:config", "cloud-init: configuring", "the same"),
    Milestone("cloud-init", r"Cloud-init v\. \S+ running 'modules:final", "cloud-init: final", "the same"),
    Milestone("cloud-init", r"Cloud-init v\. \S+ finished", "cloud-init: finished", "cc_final_message.py"),
    Milestone(
        "systemd",
        r"Reached target (?:network-online\.target|Network is Online)",
        "system: network",
        "systemd, network-online.target",
    ),
    Milestone(
        "systemd",
        r"Reached target (?:multi-user\.target|Multi-User System|graphical\.target|Graphical Interface)",
        "system: up",
        "systemd, multi-user.target, graphical.target",
    ),
    Milestone(
        "systemd",
        r"Started (?:serial-)?getty@|Started (?:Serial )?Getty on",
        "login",
        "systemd, getty@.service, serial-getty@.service",
    ),
    Milestone("a?getty|login", r".", "login", "util-linux, agetty.c, login.c"),
    Milestone("systemd-logind", r"New session ", "login", "systemd, logind-session.c"),
    Milestone("sshd(?:-session)?", r"Accepted \S+ for ", "login", "OpenSSH, auth.c"),
    Milestone(
        "systemd",
        r"Reached target (?:reboot\.target|System Reboot|poweroff\.target|System Power Off)",
        "system: going down",
        "systemd, reboot.target, poweroff.target",
    ),
)
"""The first that fits wins."""

_COMPILED = [(re.compile(row.program), re.compile(row.text), row.step) for row in MILESTONES]


def milestone(line: SyslogLine) -> str:
    """The step that *line* tells of; empty for none."""
    for program, text, step in _COMPILED:
        if program.fullmatch(line.program) is not None and text.match(line.text) is not None:
            return step
    return ""
