"""``pixiecore fetch`` and ``pixiecore cache``: fill the cache ahead of time, look at it, check it, empty it.

They share the folder with a running server, which sees what they do. Serve nothing.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click
import gevent
from pydantic import ByteSize, TypeAdapter, ValidationError

from pixiecore_core.cli.file_plane import open_store
from pixiecore_core.cli.options import given_options, model_options
from pixiecore_core.cli.serve import CONFIG_OPTION
from pixiecore_core.errors import BootFileError, BootFileNotReady, ConfigError
from pixiecore_core.files.cache import Cache
from pixiecore_core.files.store import Store
from pixiecore_core.files.upstream import Upstream, shown
from pixiecore_core.models import FileRef
from pixiecore_core.settings import CacheSettings, read_toml, resolve

Progress = Callable[[int, int], None]
"""Told how many bytes of how many are there."""
_AT_ONCE = 1 << 20
_SIZE = TypeAdapter(ByteSize)


@click.command("fetch", short_help="Download boot files into the cache ahead of time.")
@click.argument("urls", metavar="URL...", nargs=-1, required=True)
@click.pass_context
def fetch_command(ctx: click.Context, /, urls: tuple[str, ...], **values: Any) -> None:
    """Download each URL into the cache, so that the first machine need not wait for it.

    A URL may end in #sha256=... to say what its bytes must hash to. For example:

        pixiecore fetch http://mirror.example/vmlinuz http://mirror.example/initrd.img
    """
    refs = [_url(text) for text in urls]
    cache = Cache(_store(ctx), Upstream(), lambda text: click.echo(f"Warning: {text}", err=True))
    failed = False
    for ref in refs:
        try:
            with _progress(ref.name) as progress:
                size = _fetch(cache, ref, progress)
            click.echo(f"{shown(ref.location)}: {_human(size)} in the cache")
        except BootFileError as error:
            failed = True
            click.echo(f"Error: {error}", err=True)
    if failed:
        ctx.exit(1)


@click.group("cache", short_help="List, verify or prune the downloaded boot files.")
def cache_command() -> None:
    """The boot files that have been downloaded from other web servers.

    For example: pixiecore cache ls
    """


@cache_command.command("ls")
@click.pass_context
def list_command(ctx: click.Context, /, **values: Any) -> None:
    """List them, the one used last first: size, when it was used, the start of its sha256, URL.

    For example: pixiecore cache ls
    """
    store = _store(ctx)
    entries = store.entries()
    for entry, used in reversed(entries):
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(used))
        click.echo(f"{_human(entry.size):>10}  {when}  {entry.sha256[:12]}  {shown(entry.url)}")
    total = sum(entry.size for entry, _ in entries)
    click.echo(f"{len(entries)} files, {_human(total)} of {_human(store.limit)}, in {store.folder}")


@cache_command.command("verify")
@click.pass_context
def verify_command(ctx: click.Context, /, **values: Any) -> None:
    """Read every file, and remove those whose bytes are not what was downloaded.

    Ends with status 1 if there were any. For example: pixiecore cache verify
    """
    store = _store(ctx)
    damaged = 0
    for entry, _ in store.entries():
        if store.is_sound(entry):
            click.echo(f"sound    {shown(entry.url)}")
        else:
            damaged += 1
            store.remove(entry)
            click.echo(f"damaged  {shown(entry.url)} (removed)")
    if damaged:
        ctx.exit(1)


@cache_command.command("prune")
@click.option("--all", "everything", is_flag=True, help="Remove all files.")
@click.option("--to", "limit", metavar="SIZE", help="Remove those unused longest, down to this size, such as 5G.")
@click.option("--unused", "days", metavar="DAYS", type=float, help="Remove what was not used for so many days.")
@click.pass_context
def prune_command(
    ctx: click.Context, /, everything: bool, limit: str | None, days: float | None, **values: Any
) -> None:
    """Remove files.

    For example: pixiecore cache prune --unused 30
    """
    if not everything and limit is None and days is None:
        raise ConfigError("cache prune", "say what to remove: --all, --to SIZE or --unused DAYS")
    store = _store(ctx)
    most = store.limit if limit is None else _bytes(limit)
    since = None if days is None else time.time() - days * 86_400
    removed = store.shrink_to(0 if everything else most, since)
    for entry in removed:
        click.echo(f"removed  {shown(entry.url)}")
    click.echo(f"{len(removed)} files, {_human(sum(entry.size for entry in removed))} freed")


def _store(ctx: click.Context) -> Store:
    config = ctx.params.get("config")
    table = read_toml(config).get("server", {}) if config else {}
    mine = {key: value for key, value in table.items() if key in CacheSettings.model_fields}
    return open_store(resolve(CacheSettings, "", given_options(ctx, CacheSettings), os.environ, mine, "[server]"))


def _fetch(cache: Cache, ref: FileRef, progress: Progress) -> int:
    while True:
        try:
            file = cache.open(ref)
            break
        except BootFileNotReady as error:
            gevent.sleep(error.seconds)
    try:
        position = 0
        while position < file.size:
            position += len(file.source.read_at(position, _AT_ONCE))
            progress(position, file.size)
    finally:
        file.source.close()
    for download in cache.downloads():
        download.wait_for_end(60)
    if cache.store.find(ref.location) is None:
        raise BootFileError(f"{shown(ref.location)} was not kept: upstream forbids it, or there is no room")
    return file.size


@contextmanager
def _progress(name: str) -> Iterator[Progress]:
    """A progress bar on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _url(text: str) -> FileRef:
    try:
        ref = FileRef.from_text(text)
    except ValidationError as error:
        raise ConfigError("URL", error.errors()[0]["msg"].removeprefix("Value error, ")) from error
    if not ref.is_url:
        raise ConfigError("URL", f"{text!r} is not an http(s) URL; only those are kept in the cache")
    return ref


def _bytes(text: str) -> int:
    try:
        return int(_SIZE.validate_python(text))
    except ValidationError as error:
        raise ConfigError("--to", f"{text!r} is no size such as 500M or 5G") from error


def _human(size: int) -> str:
    return ByteSize(size).human_readable(decimal=True, separator=" ")


for _command in (fetch_command, *cache_command.commands.values()):
    _command.params += [CONFIG_OPTION, *model_options(CacheSettings)]
