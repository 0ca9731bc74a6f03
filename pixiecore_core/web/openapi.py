"""``/_/v1/openapi.json``: what ``/_/v1`` answers, as an OpenAPI 3.1 document, from the models that it is made of."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from werkzeug.wrappers import Request, Response

from pixiecore_core import __version__
from pixiecore_core.engine.attempts import Outcome
from pixiecore_core.net.site import Page
from pixiecore_core.web.actions import ACTIONS_PATH, Done, Wanted
from pixiecore_core.web.headers import HEADERS
from pixiecore_core.web.live import EVENTS_PATH, LiveNews
from pixiecore_core.web.server import SERVER_PATH, ServerInfo
from pixiecore_core.web.v1 import FRAMES, MACHINE_PATH, MACHINES_PATH, MachineList
from pixiecore_core.web.views import MachineDetail

OPENAPI_PATH = "/_/v1/openapi.json"
"""What ``/_/v1`` answers, as an OpenAPI 3.1 document."""


def pages() -> dict[str, Page]:
    """The page by its path."""
    return {OPENAPI_PATH: _answer}


def _answer(request: Request) -> Response:
    return Response(json.dumps(document(), ensure_ascii=False), headers=HEADERS, content_type="application/json")


def document() -> dict[str, Any]:
    """The document."""
    answers: list[type[BaseModel]] = [MachineList, MachineDetail, ServerInfo, LiveNews, Done]
    _, schemas = models_json_schema(
        [*((model, "serialization") for model in answers), (Wanted, "validation")],
        ref_template="#/components/schemas/{model}",
    )
    mac = _parameter("mac", "a MAC address, such as 52:54:00:12:34:56; or latest", "path")
    machine = MACHINE_PATH + "{mac}"
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Pixiecore",
            "version": __version__,
            "description": "What a Pixiecore server knows of its machines. Whoever asks from another host without the "
            "token of --status-token-file is shown no names of files, no URLs and nothing that people wrote.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{}, {"token": []}, {"password": []}],
        "paths": {
            SERVER_PATH: {"get": _get("server", "The server", {"200": _json("The server", ServerInfo)})},
            MACHINES_PATH: {
                "get": _get(
                    "machines",
                    "The machines heard of last",
                    {"200": _json("The machines", MachineList), "400": _words("limit is not a number")},
                    _parameter("limit", "how many: a number, or all", schema={"type": "string", "default": "100"}),
                    _parameter(
                        "state", "only those in this state", schema={"type": "string", "enum": list(map(str, Outcome))}
                    ),
                    _parameter("find", "only those whose MAC, name, serial number, model or address has this in it"),
                )
            },
            machine: {
                "get": _get(
                    "machine",
                    "A machine with its timeline, why it has not booted, and what to do",
                    {
                        "200": _json("The machine, also one that has not been heard of", MachineDetail),
                        "400": _words("It is not a MAC address"),
                        "404": _words("latest: no machine has asked to boot yet"),
                    },
                    mac,
                )
            },
            f"{machine}/{FRAMES}": {
                "get": _get(
                    "frames",
                    "Its last messages as a capture",
                    {
                        "200": _content("The capture", "application/vnd.tcpdump.pcap", {"type": "string"}),
                        "400": _words("It is not a MAC address"),
                        "403": _words("It is for this host, and for who has the token"),
                        "404": _words("latest: no machine has asked to boot yet"),
                    },
                    mac,
                    _parameter("raw", "1 leaves secrets in", schema={"type": "string", "enum": ["0", "1"]}),
                )
            },
            EVENTS_PATH: {
                "get": _get(
                    "events",
                    "What machines do, as it happens: the events snapshot and machines",
                    {
                        "200": _content(
                            "Server-sent events, whose data are LiveNews", "text/event-stream", _ref(LiveNews)
                        ),
                        "503": _words("Too many are reading; Retry-After says when to try again"),
                    },
                    _parameter("Last-Event-ID", "the last event that was read", "header"),
                )
            },
            ACTIONS_PATH: {
                "post": {
                    **_get(
                        "act",
                        "Do something about a machine",
                        {
                            "200": _json("It was done", Done),
                            "400": _words("The body says nothing that can be done"),
                            "403": _words(
                                "It is not the token as a bearer token, or the server has no --status-token-file"
                            ),
                            "404": _words("The machine does not have this action now"),
                            "415": _words("The body is not JSON"),
                            "500": _words("A plugin failed"),
                        },
                    ),
                    "security": [{"token": []}],
                    "requestBody": {"required": True, "content": {"application/json": {"schema": _ref(Wanted)}}},
                }
            },
        },
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "the token of --status-token-file"},
                "password": {"type": "http", "scheme": "basic", "description": "any name, and the token as password"},
            },
        },
    }


def _get(name: str, summary: str, responses: dict[str, Any], *parameters: dict[str, Any]) -> dict[str, Any]:
    everywhere = {
        "401": _words("The server wants the token"),
        "421": _words("The server is not called so; see --allow-host"),
    }
    operation = {"operationId": name, "summary": summary, "responses": everywhere | responses}
    return operation | ({"parameters": list(parameters)} if parameters else {})


def _parameter(name: str, about: str, place: str = "query", schema: dict[str, Any] | None = None) -> dict[str, Any]:
    required = {"required": True} if place == "path" else {}
    return {"name": name, "in": place, "description": about, "schema": schema or {"type": "string"}, **required}


def _ref(model: type) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{model.__name__}"}


def _content(about: str, kind: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": about, "content": {kind: {"schema": schema}}}


def _json(about: str, model: type) -> dict[str, Any]:
    return _content(about, "application/json", _ref(model))


def _words(about: str) -> dict[str, Any]:
    return _content(about, "text/plain", {"type": "string"})
