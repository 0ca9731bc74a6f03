"""Shows what each machine did lately: a page for a person, JSON for a program, counts for Prometheus.

Read-only, and needs no script in the browser. Shows facts that the recorder holds; changes nothing.
"""

from __future__ import annotations

import html
import json
import time
from collections.abc import Callable

from werkzeug.wrappers import Request, Response

from pixiecore_core.models import Event
from pixiecore_core.observe.recorder import Recorder

_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="5"><title>Pixiecore</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }}
h2 {{ font: bold 1rem ui-monospace, monospace; margin-bottom: .2rem; }}
ol {{ list-style: none; padding: 0; margin: 0 0 1.5rem; }}
time {{ color: #777; margin-right: .8em; }}
.failed, .plugin-failed, .refused {{ color: #b00020; }}
</style>
<h1>Pixiecore</h1>
{machines}
</html>
"""


def pages(recorder: Recorder) -> dict[str, Callable[[Request], Response]]:
    """The pages by path."""
    return {
        "/": lambda request: Response(_page(recorder), content_type="text/html; charset=utf-8"),
        "/_/status": lambda request: Response(_status(recorder), content_type="application/json"),
        "/_/metrics": lambda request: Response(
            recorder.metrics.exposition(), content_type="text/plain; version=0.0.4; charset=utf-8"
        ),
    }


def _status(recorder: Recorder) -> str:
    timelines = recorder.timelines
    machines = {mac: [event.model_dump(mode="json") for event in timelines.of(mac)] for mac in timelines.machines()}
    return json.dumps({"machines": machines})


def _page(recorder: Recorder) -> str:
    timelines = recorder.timelines
    blocks = [
        f"<h2>{html.escape(mac)}</h2>\n<ol>{''.join(map(_item, timelines.of(mac)))}</ol>"
        for mac in timelines.machines()
    ]
    return _PAGE.format(machines="\n".join(blocks) or "<p>No machine has asked to boot yet.</p>")


def _item(event: Event) -> str:
    clock = time.strftime("%H:%M:%S", time.localtime(event.at))
    return f'<li class="{event.kind.value}"><time>{clock}</time>{html.escape(event.message)}</li>'
