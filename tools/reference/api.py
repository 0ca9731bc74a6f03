"""The API's contract for machines: JSON Schema of the answer, OpenAPI document of both versions."""

from __future__ import annotations

import json
from typing import Any

from pixiecore_api_booter.contract import Answer
from pixiecore_api_booter.identity import FIELDS, Question, header_name
from pydantic.json_schema import models_json_schema

from pixiecore_core import __version__


def answer_schema() -> str:
    """The JSON Schema of an API's answer."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Answer.model_json_schema()}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def openapi() -> str:
    """The API's contract, both versions, as an OpenAPI document."""
    _, schemas = models_json_schema(
        [(Answer, "validation"), (Question, "validation")], ref_template="#/components/schemas/{model}"
    )
    mac = {"type": "string", "pattern": "^[0-9a-f]{2}(:[0-9a-f]{2}){5}$", "example": "52:54:00:12:34:56"}
    path = {"name": "mac", "in": "path", "required": True, "schema": mac, "description": "in lower case, with colons"}
    known = [
        {
            "name": name,
            "in": place,
            "schema": {"type": "string"},
            "description": Question.model_fields[field].description,
        }
        for place in ("header", "query")
        for field in FIELDS
        for name in [header_name(field) if place == "header" else field]
    ]
    question = {"required": True, "content": _json_content("Question")}
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "What a machine boots",
            "version": __version__,
            "description": "Served by you, asked by Pixiecore. Of a machine beyond its MAC address only what is known "
            "is sent: in version 1 as headers, or with --identity query in the query string; in version 2 in the body.",
        },
        "servers": [{"url": "{url}", "variables": {"url": {"default": "http://127.0.0.1:8080"}}}],
        "security": [{}, {"token": []}, {"certificate": []}],
        "paths": {
            "/v1/boot/{mac}": {
                "get": {
                    "operationId": "boot_v1",
                    "summary": "What a machine boots (--api-version 1)",
                    "parameters": [path, *known],
                    "responses": _RESPONSES,
                }
            },
            "/v2/boot": {
                "post": {
                    "operationId": "boot_v2",
                    "summary": "The same (--api-version 2)",
                    "requestBody": question,
                    "responses": _RESPONSES,
                }
            },
        },
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "--api-token-file"},
                "certificate": {"type": "mutualTLS", "description": "--api-cert"},
            },
        },
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _json_content(model: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{model}"}}}


_RETRY_AFTER = {
    "Retry-After": {"required": True, "schema": {"type": "string"}, "description": "seconds, or an HTTP date"}
}
_RESPONSES = {
    "200": {"description": "The machine boots this.", "content": _json_content("Answer")},
    "429": {"description": "The machine waits and Pixiecore asks again after that time.", "headers": _RETRY_AFTER},
    "503": {"description": "The same. Without Retry-After the machine is ignored.", "headers": _RETRY_AFTER},
    "502": {"description": "A gateway cannot reach the API: as if it could not be reached itself."},
    "504": {"description": "The same."},
    "default": {"description": "The machine is ignored; the log says the status. 404 is customary."},
}
