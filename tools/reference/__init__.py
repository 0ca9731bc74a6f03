"""The generated pages of docs/reference, each written from the code; `tools/write-reference` puts them there.

One function for each page, which raises where something has no words to show for itself. The pages show what this
repository brings: the core and the plugins below plugins/.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from pixiecore_core.web import openapi

from . import api, commands, diagnoses, events, firmware, hooks, http, inventory, names, settings

PAGES: dict[str, Callable[[], str]] = {
    "hooks.md": hooks.page,
    "settings.md": settings.page,
    "commands.md": commands.page,
    "names.md": names.page,
    "firmware.md": firmware.page,
    "diagnoses.md": diagnoses.page,
    "inventory.md": inventory.page,
    "http.md": http.page,
    "events.md": events.page,
    "api-v1.schema.json": api.answer_schema,
    "api-openapi.json": api.openapi,
    "openapi.json": lambda: json.dumps(openapi.document(), indent=2, ensure_ascii=False) + "\n",
}
