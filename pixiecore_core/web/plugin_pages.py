"""Plugins' own pages: what ``register_routes`` offers, as pages of the site.

Whoever asks for one must name us as browsers do, unless we made its URL for a machine; who else may ask, the plugin
decides.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial

from werkzeug.wrappers import Request, Response

from pixiecore_core.boot.tokens import Sealer
from pixiecore_core.errors import PluginError
from pixiecore_core.models import PageRequest
from pixiecore_core.net.site import Page, text
from pixiecore_core.plugins.additions import Route
from pixiecore_core.plugins.manager import PluginManager

Refusal = Callable[[Request], Response | None]
"""What to answer whoever named us as nobody should; ``None`` to go on."""


def plugin_pages(
    plugins: PluginManager,
    routes: Mapping[str, Route],
    sealer: Sealer,
    refusal: Refusal = lambda request: None,
) -> dict[str, Page]:
    """The pages by path.

    :param routes: what plugins offered
    """
    return {path: partial(_answer, plugins, sealer, refusal, route) for path, route in routes.items()}


def _answer(plugins: PluginManager, sealer: Sealer, refuses: Refusal, route: Route, request: Request) -> Response:
    mac = sealer.open_page(request.args.get("name", ""), request.path, time.time())
    if mac is None and (refused := refuses(request)) is not None:
        return refused
    if request.method not in route.methods | {"HEAD"}:
        refusal = text(405, "this page does not take that method")
        refusal.headers["Allow"] = ", ".join(sorted(route.methods | {"HEAD"}))
        return refusal
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    asked = PageRequest(
        path=request.path,
        method="GET" if request.method == "HEAD" else request.method,
        headers={name.lower(): value for name, value in request.headers.items()},
        body=request.get_data(cache=False),
        query={name: values[0] for name, values in request.args.lists()},
        mac=mac,
        token=token.strip() if scheme.lower() == "bearer" else "",
        address=request.remote_addr or "",
    )
    try:
        answer = plugins.page(route, asked)
    except PluginError as error:
        return text(500, error.told)
    # What cannot be written is replaced: it may come from a machine.
    return Response(answer.text.encode("utf-8", "replace"), answer.status, content_type=answer.content_type)
