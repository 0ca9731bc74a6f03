"""``pixiecore fetch`` and ``pixiecore cache``: fill the cache ahead of time, look at it, check it, empty it.

They share the folder with a running server, which sees what they do. Serve nothing.
"""

from __future__ import annotations

import errno
import math
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import gevent
from pydantic import ByteSize, TypeAdapter, ValidationError

from pixiecore_core.cli.configuring import CONFIG_OPTION, configuration
from pixiecore_core.cli.file_plane import open_store
from pixiecore_core.cli.options import model_options
from pixiecore_core.errors import BootFileError, BootFileNotReady, ConfigError
from pixiecore_core.files.cache import Cache
from pixiecore_core.files.download import Download
from pixiecore_core.files.folders import user_folder
from pixiecore_core.files.store import Store
from pixiecore_core.files.upstream import PassedThrough, Spooled, Upstream, shown
from pixiecore_core.models import FileRef
from pixiecore_core.ownership import become_owner
from pixiecore_core.settings.server import CacheSettings

Progress = Callable[[int, int], None]
"""Told how many bytes of how many are there."""
_AT_ONCE = 1 << 20
_SIZE = TypeAdapter(ByteSize)
_STOP_SECONDS = 5.0
"""How long stopped downloads may take to clean up."""


@click.command("fetch", short_help="Download boot files into the cache ahead of time.")
@click.argument("urls", metavar="URL...", nargs=-1, required=True)
@click.pass_context
def fetch_command(ctx: click.Context, /, urls: tuple[str, ...], **values: Any) -> None:
    """Download each URL into the cache, so that the first machine need not wait for it.

    A URL may end in #sha256=... to say what its bytes must hash to. For example:

        pixiecore fetch http://mirror.example/vmlinuz http://mirror.example/initrd.img
    """
    refs = [_url(text) for text in urls]
    settings = _settings(ctx)
    _folder(settings)
    cache = Cache(open_store(settings), Upstream(), lambda text: click.echo(f"Warning: {text}", err=True))
    failed = False
    try:
        with _interruptible():
            for ref in refs:
                try:
                    with _progress(ref.name) as progress:
                        size = _fetch(cache, ref, progress)
                    _say(f"{shown(ref.location)}: {_human(size)} in the cache")
                except BootFileError as error:
                    failed = True
                    click.echo(f"Error: {error}", err=True)
    except KeyboardInterrupt:
        click.echo("Stopped", err=True)
        ctx.exit(130)
    finally:
        _stop(cache)
    if failed:
        ctx.exit(1)


class _CacheGroup(click.Group):
    """Ends with a message where the folder cannot be read or written."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a subcommand."""
        try:
            return super().invoke(ctx)
        except OSError as error:
            where = f"{os.path.realpath(error.filename)}: " if error.filename else ""
            raise click.ClickException(f"the cache cannot be used: {where}{error.strerror or error}") from error


@click.group("cache", cls=_CacheGroup, short_help="List, verify or prune the downloaded boot files.")
def cache_command() -> None:
    """The boot files that have been downloaded from other web servers.

    For example: pixiecore cache ls
    """


@cache_command.command("ls", short_help="List the files: size, last use, sha256, URL.")
@click.pass_context
def list_command(ctx: click.Context, /, **values: Any) -> None:
    """List the files in the cache, the one used last first: size, when it was used, the start of its sha256, URL.

    For example: pixiecore cache ls
    """
    store = _existing_store(ctx)
    if store is None:
        return
    entries = store.entries()
    for entry, used in reversed(entries):
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(used))
        _say(f"{_human(entry.size):>10}  {when}  {entry.sha256[:12]}  {shown(entry.url)}")
    total = sum(entry.size for entry, _ in entries)
    _say(f"{len(entries)} files, {_human(total)} of {_human(store.limit)}, in {store.folder}")


@cache_command.command("verify", short_help="Remove files that are not what was downloaded.")
@click.pass_context
def verify_command(ctx: click.Context, /, **values: Any) -> None:
    """Read every file, and remove those whose bytes are not what was downloaded.

    Ends with status 1 if there were any. For example: pixiecore cache verify
    """
    store = _existing_store(ctx)
    if store is None:
        return
    damaged = 0
    for entry, _ in store.entries():
        if store.is_sound(entry):
            _say(f"sound    {shown(entry.url)}")
        else:
            damaged += 1
            store.remove(entry)
            _say(f"damaged  {shown(entry.url)} (removed)")
    if damaged:
        ctx.exit(1)


@cache_command.command("prune", short_help="Remove files: all, beyond a size, or unused for days.")
@click.option("--all", "everything", is_flag=True, help="Remove all files.")
@click.option("--to", "limit", metavar="SIZE", help="Remove those unused longest, down to this size, such as 5G.")
@click.option("--unused", "days", metavar="DAYS", type=float, help="Remove what was not used for so many days.")
@click.pass_context
def prune_command(
    ctx: click.Context, /, everything: bool, limit: str | None, days: float | None, **values: Any
) -> None:
    """Remove files from the cache: all, the oldest beyond a size, or those that nobody has used for days.

    For example: pixiecore cache prune --unused 30
    """
    if not everything and limit is None and days is None:
        raise ConfigError("cache prune", "say what to remove: --all, --to SIZE or --unused DAYS")
    if days is not None and not 0 <= days < math.inf:
        raise ConfigError("--unused", f"{days:g} is not a number of days, such as 30 or 0.5")
    to = None if limit is None else _bytes("--to", limit)
    store = _existing_store(ctx)
    if store is None:
        return
    most = store.limit if to is None else to
    since = None if days is None else time.time() - days * 86_400
    removed = store.shrink_to(0 if everything else most, since)
    for entry in removed:
        _say(f"removed  {shown(entry.url)}")
    _say(f"{len(removed)} files, {_human(sum(entry.size for entry in removed))} freed")


def _settings(ctx: click.Context) -> CacheSettings:
    return configuration(ctx).part(CacheSettings)


def _folder(settings: CacheSettings) -> Path:
    """The cache's folder; run by root, we are its owner from now on.

    :raises ConfigError: that is refused
    """
    folder = settings.cache_dir or user_folder("cache")
    try:
        become_owner(folder)
    except OSError as error:
        raise ConfigError("--cache-dir", f"{folder} cannot be used: {error}") from error
    return folder


def _existing_store(ctx: click.Context) -> Store | None:
    """The cache as it is: nothing is made, and nothing deleted. ``None``, after saying so, if there is none yet.

    :raises ConfigError: the user named a folder that is no cache
    """
    settings = _settings(ctx)
    store = Store(_folder(settings), int(settings.cache_size))
    if store.open_existing():
        return store
    if settings.cache_dir is not None:
        raise ConfigError("--cache-dir", f"there is no cache in {store.folder}: it has no CACHEDIR.TAG")
    _say(f"0 files: there is no cache in {store.folder} yet")
    return None


def _say(text: str) -> None:
    """Write a line to standard output.

    :raises click.ClickException: it cannot be written
    :raises click.exceptions.Exit: nobody reads it any more
    """
    try:
        click.echo(text)
    except OSError as error:
        # What is still in the buffer would raise once more while Python exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if error.errno == errno.EPIPE:
            raise click.exceptions.Exit(1) from error
        raise click.ClickException(f"standard output cannot be written: {error.strerror}") from error


@contextmanager
def _interruptible() -> Iterator[None]:
    """While inside, Ctrl-C raises KeyboardInterrupt here, and not in whatever greenlet happens to run."""
    watcher = gevent.signal_handler(signal.SIGINT, gevent.kill, gevent.getcurrent(), KeyboardInterrupt)
    try:
        yield
    finally:
        watcher.cancel()


def _stop(cache: Cache) -> None:
    """Stop what is still under way, and let it delete what it has."""
    cache.stop()
    give_up = time.monotonic() + _STOP_SECONDS
    while cache.downloads() and time.monotonic() < give_up:
        gevent.sleep(0.01)


def _fetch(cache: Cache, ref: FileRef, progress: Progress) -> int:
    """Take the file into the cache; its size.

    :raises BootFileError: it is missing, or there is no room to keep it
    """
    url, limit = shown(ref.location), cache.store.limit
    while True:
        try:
            file = cache.open(ref)
            break
        except BootFileNotReady as error:
            gevent.sleep(error.seconds)
    download = next((one for one in cache.downloads() if one.url == ref.location), None)
    try:
        # Whatever cannot be kept need not be read.
        if file.size > limit:
            raise BootFileError(f"{url} has {_human(file.size)}, and the cache takes {_human(limit)}: see --cache-size")
        if isinstance(file.source, (PassedThrough, Spooled)):
            raise BootFileError(f"{url} was not kept: the cache has no room for it")
        position = 0
        while position < file.size and not (download and download.lost):
            position += len(file.source.read_at(position, _AT_ONCE))
            progress(position, file.size)
    finally:
        file.source.close()
    while download is not None and not download.wait_for_end(60):
        pass
    if download is not None and download.entry is None:
        raise download.error or BootFileError(f"{url} was not kept: {_why_not_kept(download)}")
    return file.size


def _why_not_kept(download: Download) -> str:
    if download.lost or download.unkept:
        return download.unkept or "the disk takes no more"
    return "upstream forbids it (Cache-Control), or does not say where the file ends"


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
        urlsplit(text).port  # noqa: B018 - raises ValueError where it is not a number
    except ValueError as error:
        raise ConfigError(
            "URL", f"{text!r} has no host and port such as mirror.example:8080 or [2001:db8::1]"
        ) from error
    try:
        ref = FileRef.from_text(text)
    except ValidationError as error:
        raise ConfigError("URL", error.errors()[0]["msg"].removeprefix("Value error, ")) from error
    except ValueError as error:
        raise ConfigError("URL", str(error)) from error
    if not ref.is_url:
        raise ConfigError("URL", f"{text!r} is not an http(s) URL; only those are kept in the cache")
    return ref


def _bytes(option: str, text: str) -> int:
    try:
        return int(_SIZE.validate_python(text))
    except ValidationError as error:
        raise ConfigError(option, f"{text!r} is not a size such as 500M, 20G or 1TiB") from error


def _human(size: int) -> str:
    return ByteSize(size).human_readable(decimal=True, separator=" ")


for _command in (fetch_command, *cache_command.commands.values()):
    _command.params += [CONFIG_OPTION, *model_options(CacheSettings)]
