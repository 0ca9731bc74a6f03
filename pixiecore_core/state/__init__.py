"""What must outlive the process: named collections of small records, by key.

:class:`~pixiecore_core.state.store.StateStore` and :class:`~pixiecore_core.state.records.Records` are the public face;
what keeps the records is behind :class:`~pixiecore_core.state.storage.Storage`, and only ``sqlite*.py`` knows
SQLite. Knows nothing about what is kept, or why.
"""
