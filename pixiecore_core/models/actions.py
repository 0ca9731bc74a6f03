"""What can be done about a machine from the status page."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import Field

from pixiecore_core.models.base import Model


class MachineAction(Model):
    """Something that can be done about one machine, by whoever has the token of the status page."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,29}$", description="for programs, such as approve")
    title: str = Field(min_length=1, max_length=40, description="on the button, such as Approve")
    about: str = Field(default="", max_length=200, description="what it does, in one sentence")
    run: Callable[[], str] = Field(
        description="does it, and says in one sentence what came of it; may wait, under the time limit of a hook"
    )
