"""The API's reference pages: they name everything there is, their examples are valid, their references resolve."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from pixiecore_api_booter import ApiSettings
from pixiecore_api_booter.addresses import Addresses
from pixiecore_api_booter.contract import Answer, boot_spec
from pixiecore_api_booter.identity import FIELDS, Question, header_name

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
PAGE = (REFERENCE / "api.md").read_text(encoding="utf-8")
OPENAPI = json.loads((REFERENCE / "api-openapi.json").read_text(encoding="utf-8"))
EXAMPLES = re.findall(r"^```json\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
EXCHANGES = re.findall(r"^```http\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_the_page_names_every_field() -> None:
    for name, field in Answer.model_fields.items():
        assert f"| `{field.alias or name}` |" in PAGE
    for name in FIELDS:
        assert f"| `{name}` | `{header_name(name)}` |" in PAGE
    for name in set(ApiSettings.model_fields) - {"url"}:
        assert f"--{name.replace('_', '-')}" in PAGE


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_examples_of_answers_boot(example: str) -> None:
    spec = boot_spec(example.encode(), Addresses("http://api.example.net/pixie"))
    assert spec.kernel is not None


def test_the_object_becomes_the_command_line_that_the_page_shows() -> None:
    spec = boot_spec(EXAMPLES[-1].encode(), Addresses("http://api.example.net"))
    shown = re.search(r"This is `(.*?)http://…`", PAGE)
    assert shown is not None
    assert spec.cmdline == f'{shown[1]}{{{{ ID "url-0" }}}}'


def test_the_table_of_urls_is_right() -> None:
    addresses = Addresses("http://api.example.net/pixie")
    rows = re.findall(r"^\| `(\S+)` \| `(http\S+)` \|$", PAGE, re.MULTILINE)
    assert len(rows) == 2
    for url, location in rows:
        assert addresses.ref(url).location == location


def test_the_example_of_version_2_is_a_question() -> None:
    body = EXCHANGES[-1].partition("\n\n")[2]
    question = Question.model_validate_json(body)
    assert question.model_dump_json(exclude_none=True) == body.strip()


def references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if "$ref" in value else []
        return own + [found for member in value.values() for found in references(member)]
    return [found for member in value for found in references(member)] if isinstance(value, list) else []


@pytest.mark.parametrize("name", ["api-openapi.json", "api-v1.schema.json"])
def test_references_resolve(name: str) -> None:
    document = json.loads((REFERENCE / name).read_text(encoding="utf-8"))
    found = references(document)
    assert found
    for reference in found:
        place = document
        for part in reference.removeprefix("#/").split("/"):
            place = place[part]


def test_the_openapi_document_has_both_versions() -> None:
    assert OPENAPI["openapi"].startswith("3.1.")
    parameters = {parameter["name"] for parameter in OPENAPI["paths"]["/v1/boot/{mac}"]["get"]["parameters"]}
    assert parameters == {"mac", *FIELDS, *map(header_name, FIELDS)}
    assert set(OPENAPI["components"]["schemas"]["Question"]["properties"]) == {"mac", *FIELDS}
    for operation in (OPENAPI["paths"]["/v1/boot/{mac}"]["get"], OPENAPI["paths"]["/v2/boot"]["post"]):
        assert set(operation["responses"]) == {"200", "429", "502", "503", "504", "default"}
