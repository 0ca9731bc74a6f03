"""``--json``: one JSON document on standard output, and nothing else there, whatever plugins print.

Says nothing of what is in a document; docs/reference/json.md does.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

JSON_FLAG = "--json"


def json_option() -> click.Option:
    """The option."""
    return click.Option([JSON_FLAG, "as_json"], is_flag=True, help="Print one JSON document, and nothing else.")


@contextlib.contextmanager
def kept_clean(wanted: bool) -> Iterator[None]:
    """While inside, and if *wanted*, what anybody prints goes to standard error: a document is going to be printed."""
    with contextlib.redirect_stdout(sys.stderr) if wanted else contextlib.nullcontext():
        yield


def print_document(document: Mapping[str, Any] | Sequence[Any]) -> None:
    """Print it."""
    click.echo(json.dumps(document, indent=2))
