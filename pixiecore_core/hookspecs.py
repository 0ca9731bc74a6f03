"""Every hook a plugin may implement, in firing order. The docstrings are the contract.

A plugin marks its functions with :data:`hookimpl`. A misspelt hook or argument is an error at start.
Holds only specifications: how they are called, timed and isolated is in :mod:`pixiecore_core.plugins.manager`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import pluggy

from pixiecore_core.firmware.rows import Firmware
from pixiecore_core.models import (
    BootFile,
    BootSpec,
    Fact,
    FileRef,
    GiveUp,
    Hold,
    Ignore,
    LocalDisk,
    Machine,
    MachineAction,
    OfferVariant,
    PageAnswer,
    PageRequest,
    PxeRequest,
    Retry,
    UrlFor,
)
from pixiecore_core.models.facts import StepFailed

if TYPE_CHECKING:
    import click

PROJECT = "pixiecore"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class BooterRegistrar(Protocol):
    """What ``register_booters`` is given."""

    def __call__(self, booter: type[Any], /) -> None:
        """Offer *booter*, which needs ``name: str``, ``Settings`` (a pydantic model) and ``__init__(settings)``."""


class PolicyRegistrar(Protocol):
    """What ``register_policies`` is given."""

    def __call__(self, policy: type[Any], /) -> None:
        """Offer *policy*, which needs ``name: str``, ``Settings`` (a pydantic model) and ``__init__(settings)``."""


class FirmwareRegistrar(Protocol):
    """What ``register_firmware`` is given."""

    def __call__(self, firmware: Firmware, /) -> None:
        """Add one row to the table of firmware."""


class OfferVariantRegistrar(Protocol):
    """What ``register_offer_variants`` is given."""

    def __call__(self, variant: OfferVariant, /) -> None:
        """Add one row to the table of ways to answer, behind those that are there."""


class CommandRegistrar(Protocol):
    """What ``register_commands`` is given."""

    def add(self, command: click.Command) -> None:
        """Add *command* to ``pixiecore``."""

    def add_serving(self, command: click.Command, booter: str, arguments: Mapping[str, str] | None = None) -> None:
        """Add *command*, which serves with the *booter* of this name until it is stopped.

        Besides its own options it gets every option of the server and of the policies. Its function is called with its
        own values only. It returns the booter's settings by name, those that were given, or ``None`` where there is
        nothing to serve, as after ``--list``.

        :param arguments: what messages call a setting on this command line, where that is not its option's
            name, such as ``{"kernel": "KERNEL"}``
        """


class RouteRegistrar(Protocol):
    """What ``register_routes`` is given."""

    def __call__(self, path: str, page: Page, methods: Collection[str] = ("GET",)) -> None:
        """Answer requests for *path*, such as ``/once/done``, with *page*; never one below ``/_/``.

        :param methods: ``GET``, which includes HEAD, and ``POST``, whose body of up to 64 KiB the page is given
        """


class Reporter(Protocol):
    """What ``take_reporter`` is given. Only the server's own thread may call it."""

    def note(self, mac: str, text: str, **values: str | float | bool) -> None:
        """Add a fact (:class:`Noted`) to a machine's timeline, which is also a line of the log.

        :param text: what there is to say, in one line
        :param values: facts for programs
        :raises ValueError: *mac* is not a MAC address, or *text* is empty
        """

    def count(self, name: str, by: int = 1) -> None:
        """Add to a count of the plugin's own, ``pixiecore_plugin_counts_total{plugin="…",count="name"}``.

        :param name: lower-case letters, digits and underscores; at most 100, so use none that a machine can make up
        :raises ValueError: it is not such a name, or one too many, or *by* is negative
        """


Page = Callable[[PageRequest], PageAnswer]
"""Answers one request. May wait; runs under the time limit of a hook."""

CmdlineFunction = Callable[[], str]
"""Makes what ``{{ NAME }}`` becomes in a command line."""


@hookspec
def register_booters(register: BooterRegistrar) -> None:
    """Offer booter classes, one of which the user picks with ``--booter NAME``.

    Fires once, while plugins load. Only the chosen class is constructed, with its validated ``Settings``.

    :raises Exception: Pixiecore refuses to start and names the plugin
    """


@hookspec
def register_policies(register: PolicyRegistrar) -> None:
    """Offer policy classes, all of which are live beside the chosen booter.

    Fires once, while plugins load. Each class is constructed with its validated ``Settings`` and its hooks are called,
    so every setting should have a default. A module's own functions may be hooks too; a class is for what needs
    settings.

    :raises Exception: Pixiecore refuses to start and names the plugin
    """


@hookspec
def register_firmware(register: FirmwareRegistrar) -> None:
    """Add firmware that the core does not know: one row for each architecture.

    Fires once, while plugins load, and before any other question. The row's loader gets an option of the server, and is
    looked for where the row says. If another row has the same code, loader or setting, the row is refused, and both
    plugins are named.

    :raises Exception: Pixiecore refuses to start and names the plugin
    """


@hookspec
def register_offer_variants(register: OfferVariantRegistrar) -> None:
    """Add ways to word an offer that the core does not know.

    Fires once, when all plugins are loaded. A machine that refuses an answer gets the next row that fits it; these come
    after the core's own, unless ``pick_offer`` or ``--offer-variant`` names one.

    :raises Exception: Pixiecore refuses to start and names the plugin
    """


@hookspec
def register_commands(commands: CommandRegistrar) -> None:
    """Add subcommands to ``pixiecore``.

    Fires once, while plugins load. A name that another plugin or the core has is refused.

    :raises Exception: Pixiecore refuses to start and names the plugin
    """


@hookspec
def register_routes(routes: RouteRegistrar) -> None:
    """Add pages to the HTTP server.

    Fires once, before the sockets are bound. A path is of letters, digits, dots, dashes, underscores and slashes, is no
    other plugin's, and does not begin with ``/_/``. Every client may ask for it, but only by an address or a name of
    this host, unless the URL was made with ``url_for.page``: a page that changes something must ask for a token.

    :raises Exception: Pixiecore refuses to start and names the plugin
    """


@hookspec
def take_reporter(reporter: Reporter) -> None:
    """Take the object with which you report on machines: facts for their timelines, and your own counts. Keep it.

    Fires once, when all plugins are registered and before any is asked, even in a dry run (``pixiecore select``),
    where what is reported goes nowhere. Each plugin gets its own reporter, which has its name.

    :raises Exception: Pixiecore refuses to start and names the plugin
    """


@hookspec
def on_startup() -> None:
    """The sockets are bound and nothing has been answered yet.

    Never fires in a dry run (``pixiecore select``), which asks the other hooks: a plugin that records what it sees
    begins here.

    :raises Exception: Pixiecore refuses to start and names the plugin
    """


@hookspec
def on_pxe_request(request: PxeRequest) -> Ignore | None:
    """A machine asks to be booted.

    Fires for each valid request, on port 67 and on 4011, before any decision. Every plugin is told. It guards only
    the offer: a script can be asked for without one, so a gate that must hold belongs in ``select_boot``. A wrapper
    is given the list of all refusals, and hands on a list.

    :returns: ``None`` to let it pass, :class:`Ignore` to refuse it; a single refusal wins
    :raises Exception: fails closed: the machine gets no answer, and an event names the plugin
    """


@hookspec(firstresult=True)
def pick_offer(request: PxeRequest, variants: Sequence[str]) -> str | None:
    """Say how the offer to a machine is to be worded, where you know what its firmware takes.

    Fires for each answer to firmware or iPXE. Without an opinion, the way that has worked for the machine comes first,
    then for its kind of firmware, and the next one when the machine refuses it. A name that you return is used each
    time, even where the machine refuses it: return ``None`` where you are not sure.

    :param variants: the names that fit the request, the usual one first
    :returns: one of these names, or ``None``
    :raises Exception: it is as if there were no opinion, and an event names the plugin
    """


@hookspec(firstresult=True)
def select_boot(machine: Machine) -> BootSpec | Ignore | Hold | LocalDisk | None:
    """Decide what *machine* boots.

    Fires for every DHCP offer and again for the iPXE script, so usually three times a boot: answer the same way each
    time, and keep no "already served" state here. May take seconds; other machines do not wait.

    :returns: a :class:`BootSpec` to boot it, :class:`Ignore` to stay silent, :class:`Hold` to offer its boot and let it
        wait at the script, :class:`LocalDisk` to send it on to its own disk at once, ``None`` to leave it to the next
        plugin (the chosen booter is asked last)
    :raises Exception: no offer, or HTTP 500 for the script, and an event names the plugin
    """


@hookspec(firstresult=True)
def provide_bootloader(loader: str, machine: Machine) -> BootFile | None:
    """Choose the first-stage file for firmware that has no HTTP-capable iPXE of its own.

    Fires when the client fetches its boot file. *loader* is the name of the file that the table of firmware has for it,
    such as ``efi-x64`` (``pixiecore firmware`` lists them). The core's own answer, the iPXE found here, comes last.

    :returns: the opened file, or ``None`` to leave it to the next plugin
    :raises Exception: the next provider is asked, and an event names the plugin
    """


@hookspec
def cmdline_functions(machine: Machine, url_for: UrlFor) -> dict[str, CmdlineFunction] | None:
    """Add functions to the command line's templates: ``{"DONE": function}`` gives a meaning to ``{{ DONE }}``.

    Fires when the core builds a command line that has braces in it. The core's own ``ID`` cannot be replaced. Each
    function runs under the time limit of a hook, when its word is met. A wrapper is given the list of all answers, and
    hands on a list.

    :returns: functions by name, or ``None`` for none
    :raises CmdlineError: the client gets HTTP 500, with these words
    :raises Exception: the client gets HTTP 500, and an event names the plugin
    """


@hookspec(firstresult=True)
def render_cmdline(machine: Machine, spec: BootSpec, url_for: UrlFor) -> str | None:
    """Build the kernel command line for the script.

    Fires for each script except a spec's own (``ipxe_script``), which has no command line. The core's own,
    which expands ``{{ ID "name" }}`` and what ``cmdline_functions`` offer, comes last. To edit a line
    rather than replace it, be a wrapper: ``@hookimpl(wrapper=True)``, then ``line = yield`` and
    ``return line + " console=ttyS0"``.

    :returns: one line, or ``None`` to leave it to the next plugin; a wrapper always returns a line
    :raises CmdlineError: the client gets HTTP 500, with these words
    :raises Exception: the client gets HTTP 500, and an event names the plugin
    """


@hookspec(firstresult=True)
def render_script(machine: Machine, spec: BootSpec, cmdline: str, url_for: UrlFor) -> str | None:
    """Build the iPXE script.

    The core's own comes last. A wrapper edits it, as with ``render_cmdline``.

    :returns: the script, beginning with ``#!ipxe``, or ``None`` to leave it to the next plugin
    :raises Exception: the client gets HTTP 500, and an event names the plugin
    """


@hookspec(firstresult=True)
def open_boot_file(ref: FileRef, url_for: UrlFor) -> BootFile | FileRef | None:
    """Open a file whose sealed URL a client fetches.

    The core's own, which opens paths and http(s) URLs, comes last. A plugin that makes files up refers to them as
    ``FileRef(location="NAME:…")``, with its own name, and answers for these; :meth:`BootFile.from_bytes` makes one from
    memory. *url_for* makes URLs for the same machine, for files that name others.

    :returns: the opened file, a :class:`FileRef` to have that one opened instead, or ``None`` to leave it to the next
        plugin
    :raises BootFileNotFound: the client gets HTTP 404
    :raises BootFileTimeout: the client gets HTTP 504
    :raises BootFileNotReady: the client gets HTTP 503 and is told when to ask again
    :raises BootFileError: the client gets HTTP 502
    :raises Exception: the client gets HTTP 500, and an event names the plugin
    """


@hookspec(firstresult=True)
def on_boot_failure(machine: Machine, failure: StepFailed, failures: int) -> Retry | GiveUp | None:
    """A step of a machine's script failed, and its iPXE asks what to do now.

    Fires for the scripts that the core has written; one of your own (``ipxe_script``) looks after itself. The core's
    own answer comes last: try again where the same may work a moment later, as often as ``--boot-retries`` says.

    :param failure: which step, and why
    :param failures: how many have failed in this attempt, with this one
    :returns: :class:`Retry`, :class:`GiveUp`, or ``None`` to leave it to the next plugin
    :raises Exception: the machine gives up, and an event names the plugin
    """


@hookspec
def on_event(fact: Fact, sentence: str) -> None:
    """Something happened.

    Fires afterwards, for every line of a machine's timeline except plugins' failures and what this plugin itself has
    noted. *fact* is one of the kinds of ``Fact``, such as ``Booting``; *sentence* is its log line.
    Each plugin hears of facts in order, from its own bounded queue: a slow listener loses the newest ones, which
    are counted, and never slows a boot. ``ScriptSent`` and ``Booting`` are not lost: of those that find the queue full,
    the last of each machine is delivered after it.

    :raises Exception: logged and counted; the other plugins still hear of it
    """


@hookspec
def policy_in_words() -> str | None:
    """Say in a few words what you do at the moment, such as ``machines boot once``, for the status page.

    Fires when somebody looks. The words are for everybody who may see the page: no names of files.

    :returns: ``None`` while you do nothing
    :raises Exception: nothing is shown, and an event names the plugin
    """


@hookspec
def machine_actions(machine: Machine) -> Sequence[MachineAction] | None:
    """Say what can be done about a machine now, for the status page and for ``POST /_/v1/actions``.

    Fires when somebody looks at the machine, and again before an action of yours is run. Only who sends the token of
    ``--status-token-file`` can run one; without that option it never fires.

    :returns: the actions that make sense now, each with another name; ``None`` for none
    :raises Exception: yours are left out, and an event names the plugin
    """


@hookspec
def on_reload() -> None:
    """The user has changed something and says so with SIGHUP: read again what came from files.

    What cannot be used is logged, and what there was stays in use.

    :raises Exception: logged; the other plugins are still told
    """


@hookspec
def on_shutdown() -> None:
    """Pixiecore is stopping and no longer answers.

    :raises Exception: logged; stopping goes on
    """
