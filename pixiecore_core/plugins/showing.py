"""What plugins say of themselves and offer to do, for the status page. One that fails is reported and left out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pluggy

from pixiecore_core.errors import PluginError
from pixiecore_core.models import Machine, MachineAction

Report = Callable[[PluginError, str | None], None]


def policies_in_words(implementations: Sequence[pluggy.HookImpl], report: Report) -> dict[str, str]:
    """What each plugin says that it does, in the order in which they are asked."""
    said = _asked(implementations, report)
    return {plugin: words for plugin, words in said if words}


def machine_actions(
    implementations: Sequence[pluggy.HookImpl], report: Report, machine: Machine
) -> list[tuple[str, MachineAction]]:
    """What can be done about a machine, and by which plugin."""
    return [(plugin, one) for plugin, answer in _asked(implementations, report, machine) for one in answer or ()]


def _asked(
    implementations: Sequence[pluggy.HookImpl], report: Report, machine: Machine | None = None
) -> list[tuple[str, Any]]:
    answers = []
    for implementation in reversed(implementations):
        try:
            answer = implementation.function(*(machine for _ in implementation.argnames))
        except PluginError as error:
            report(error, machine.mac if machine is not None else None)
            continue
        answers.append((implementation.plugin_name, answer))
    return answers
