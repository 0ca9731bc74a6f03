"""Plugins' own pages: what ``register_routes`` offers, as pages of the site. Decides nothing about who may ask."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import gevent
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request, Response

from pixiecore_core.boot.tokens import Sealer
from pixiecore_core.errors import PluginError
from pixiecore_core.models import PageRequest
from pixiecore_core.net.site import Page, text
from pixiecore_core.plugins.manager import PluginManager, Route

BODY_SECONDS = 10.0


def plugin_pages(plugins: PluginManager, routes: Mapping[str, Route], sealer: Sealer) -> dict[str, Page]:
    """The pages by path.

    :param routes: what plugins offered
    """
    return {path: partial(_answer, plugins, sealer, route) for path, route in routes.items()}


def _answer(plugins: PluginManager, sealer: Sealer, route: Route, request: Request) -> Response:
    if request.method not in route.methods | {"HEAD"}:
        refusal = text(405, "this page does not take that method")
        refusal.headers["Allow"] = ", ".join(sorted(route.methods | {"HEAD"}))
        return refusal
    try:
        # Longer bodies were refused with the headers; one that comes drop by drop must not hold us up.
        with gevent.Timeout(BODY_SECONDS, TimeoutError):
            body = request.get_data(cache=False)
    except (TimeoutError, OSError, HTTPException):
        return text(408, "the body of the request did not arrive")
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    asked = PageRequest(
        path=request.path,
        method="GET" if request.method == "HEAD" else request.method,
        headers={name.lower(): value for name, value in request.headers.items()},
        body=body,
        query={name: values[0] for name, values in request.args.lists()},
        mac=sealer.open_mac(request.args.get("name", "")),
        token=token.strip() if scheme.lower() == "bearer" else "",
        address=request.remote_addr or "",
    )
    try:
        answer = plugins.page(route, asked)
    except PluginError as error:
        return text(500, error.reason)
    # What cannot be written is replaced: it may come from a machine.
    return Response(answer.text.encode("utf-8", "replace"), answer.status, content_type=answer.content_type)
