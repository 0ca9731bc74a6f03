"""Whether a file that was rendered is the JSON or YAML that its name, or its first line, says it is.

Looks at the form only: what cloud-init or Ignition makes of it is for them to say.
"""

from __future__ import annotations

import json

import yaml

_ENDINGS = {".json": "JSON", ".ign": "JSON", ".yaml": "YAML", ".yml": "YAML"}
_OF_CLOUD_INIT = ("meta-data", "network-config")
"""Names that cloud-init's NoCloud fetches, and takes as YAML whatever they begin with."""
_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


def complaint(name: str, text: str) -> str:
    """What is wrong with *text*, as in ``is not JSON: Expecting value, line 3``; empty where nothing is.

    :param name: of the file, as its profile calls it
    """
    match _language(name, text):
        case "JSON":
            return _json(text)
        case "YAML":
            return _yaml(text)
    return ""


def _language(name: str, text: str) -> str:
    last = name.rpartition("/")[2]
    if last in _OF_CLOUD_INIT or text.startswith("#cloud-config"):
        return "YAML"
    return next((language for ending, language in _ENDINGS.items() if last.endswith(ending)), "")


def _json(text: str) -> str:
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return f"is not JSON: {error.msg}, line {error.lineno}"
    except (ValueError, RecursionError) as error:
        return f"is not JSON: {error}"
    return ""


def _yaml(text: str) -> str:
    try:
        # Tags of other programs are not a mistake, so nothing is made of the values.
        for _ in yaml.parse(text, Loader=_LOADER):
            pass
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        return f"is not YAML: {getattr(error, 'problem', None) or error}{line}"
    return ""
