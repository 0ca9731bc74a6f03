"""The tables in which SQLite keeps records, and every SQL statement that touches them.

Inside a transaction that somebody else has begun, and with as few calls as possible, however many records there are: at
each call Python's interpreter lock changes hands, which takes milliseconds while the event loop is busy. Hence JSON.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

from pixiecore_core.errors import StateError
from pixiecore_core.state.storage import ChangedTexts, OldTable

Key = tuple[str, str]
"""Collection and key."""

FORMAT = 1
"""What ``PRAGMA user_version`` says of a file with these tables."""
REMEMBERED_REMOVALS = 1000
"""Of more removed records it is forgotten when they were removed, and that they were ever there."""

_SCHEMA = (
    "CREATE TABLE records (collection TEXT NOT NULL, key TEXT NOT NULL, value TEXT, mark INTEGER NOT NULL,"
    " PRIMARY KEY (collection, key)) WITHOUT ROWID",
    "CREATE INDEX records_changed ON records (collection, mark)",
    "CREATE INDEX records_removed ON records (mark) WHERE value IS NULL",
    "CREATE TABLE marks (last INTEGER NOT NULL, forgotten INTEGER NOT NULL)",
    "INSERT INTO marks VALUES (0, 0)",
    f"PRAGMA user_version = {FORMAT}",
)
_FETCH = (
    "SELECT json_group_array(json_array(kept.collection, kept.key, kept.value))"
    " FROM json_each(?) AS wanted JOIN records AS kept"
    " ON kept.collection = json_extract(wanted.value, '$[0]') AND kept.key = json_extract(wanted.value, '$[1]')"
    " WHERE kept.value IS NOT NULL"
)
_STORE = (
    "INSERT INTO records (collection, key, value, mark)"
    " SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),"
    " json_extract(value, '$[3]') FROM json_each(?) WHERE true"
    " ON CONFLICT (collection, key) DO UPDATE SET value = excluded.value, mark = excluded.mark"
)
_ALL = (
    "SELECT json_group_array(json_array(key, value)) FROM"
    " (SELECT key, value FROM records WHERE collection = ? AND value IS NOT NULL ORDER BY key)"
)
_SINCE = (
    "SELECT json_group_array(json_array(key, value)) FROM"
    " (SELECT key, value FROM records WHERE collection = ? AND mark > ? AND (value IS NOT NULL OR ?)"
    " ORDER BY mark, key)"
)
_OVER = (
    "SELECT json_group_array(key) FROM (SELECT key FROM records WHERE collection = ? AND value IS NOT NULL"
    " ORDER BY mark DESC, key DESC LIMIT -1 OFFSET ?)"
)
_LAST_REMOVAL_FORGOTTEN = "SELECT mark FROM records WHERE value IS NULL ORDER BY mark DESC LIMIT 1 OFFSET ?"


def is_there(connection: sqlite3.Connection) -> bool:
    """Whether the tables are there.

    :raises StateError: a later release has made them
    """
    found = _one(connection, "PRAGMA user_version")
    if found > FORMAT:
        raise StateError(f"a later Pixiecore made it (its format is {found}; this one knows {FORMAT})")
    return bool(found == FORMAT)


def make(connection: sqlite3.Connection) -> None:
    """Make the tables where they are missing."""
    if not is_there(connection):
        for statement in _SCHEMA:
            connection.execute(statement)


def has_table(connection: sqlite3.Connection, name: str) -> bool:
    """Whether a table of this name is there; a view is not one."""
    return bool(_one(connection, "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?", name))


def take_over(connection: sqlite3.Connection, collection: str, table: OldTable) -> None:
    """Make records from an old table's rows. A record that is there already stays."""
    cursor = connection.execute(f'SELECT * FROM "{table.name}"')
    columns = [column[0] for column in cursor.description]
    found: dict[Key, str | None] = {}
    for key, *values in cursor.fetchall():
        fields = table.record(dict(zip(columns[1:], values, strict=True)))
        if fields is not None:
            # Not validated: whoever asks for one that cannot be used is told, and the others can be used.
            found[collection, str(key)] = json.dumps(fields)
    store(connection, {key: text for key, text in found.items() if key not in fetch(connection, found)}, {})


def close_off(connection: sqlite3.Connection, table: str) -> None:
    """Put a view that cannot be read in an old table's place: an older release, or one that still runs, must find no
    empty table there and decide by it.
    """
    connection.execute(f'DROP TABLE "{table}"')
    connection.execute(f'CREATE VIEW "{table}" AS SELECT * FROM kept_by_a_later_pixiecore')


def fetch(connection: sqlite3.Connection, keys: Iterable[Key]) -> dict[Key, str]:
    """Those of the records that are there."""
    rows = json.loads(_one(connection, _FETCH, json.dumps(list(keys))))
    return {(collection, key): text for collection, key, text in rows}


def store(connection: sqlite3.Connection, texts: Mapping[Key, str | None], limits: Mapping[str, int]) -> list[Key]:
    """Keep what changed, in this order; ``None`` removes.

    :param limits: how many records some collections keep
    :returns: records that were removed for there being too many
    """
    mark = _one(connection, "SELECT last FROM marks")
    rows = [[*key, text, number] for number, (key, text) in enumerate(texts.items(), mark + 1)]
    mark += len(rows) + 1
    connection.execute(_STORE, (json.dumps(rows),))
    over: list[Key] = []
    for collection in limits.keys() & {collection for collection, _ in texts}:
        gone = json.loads(_one(connection, _OVER, collection, limits[collection]))
        over += [(collection, key) for key in gone]
    if over:
        connection.execute(_STORE, (json.dumps([[*key, None, mark] for key in over]),))
    connection.execute("UPDATE marks SET last = ?", (mark,))
    if over or None in texts.values():
        _forget_removals(connection)
    return over


def all_of(connection: sqlite3.Connection, collection: str) -> dict[str, str]:
    """Every record of a collection."""
    return dict(json.loads(_one(connection, _ALL, collection)))


def since(connection: sqlite3.Connection, collection: str, mark: int) -> ChangedTexts:
    """What has changed after *mark*; everything, where *mark* is from before what is remembered or from elsewhere."""
    last, forgotten = connection.execute("SELECT last, forgotten FROM marks").fetchone()
    whole = mark < 1 or not forgotten <= mark <= last
    rows = json.loads(_one(connection, _SINCE, collection, 0 if whole else mark, not whole))
    return ChangedTexts(dict(rows), last, whole)


def touch(connection: sqlite3.Connection) -> None:
    """Write something that nobody reads."""
    connection.execute("UPDATE marks SET last = last + 1")


def _forget_removals(connection: sqlite3.Connection) -> None:
    row = connection.execute(_LAST_REMOVAL_FORGOTTEN, (REMEMBERED_REMOVALS,)).fetchone()
    if row is not None:
        connection.execute("DELETE FROM records WHERE value IS NULL AND mark <= ?", row)
        connection.execute("UPDATE marks SET forgotten = ?", row)


def _one(connection: sqlite3.Connection, statement: str, *values: object) -> Any:
    return connection.execute(statement, values).fetchone()[0]
