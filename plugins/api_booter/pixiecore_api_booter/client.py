"""One question to the API and what came of it: an answer, a reason to ignore, a request to wait, or no contact.

Never raises: whatever a server does to us, the machine's log line can say it. Remembers nothing between calls.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from time import monotonic
from typing import TypeGuard
from urllib.parse import urlsplit

import requests

from pixiecore_api_booter import identity
from pixiecore_api_booter.addresses import Addresses
from pixiecore_api_booter.connections import Deadline, StaleConnection
from pixiecore_api_booter.contract import MOST_BYTES, ContractError, boot_spec
from pixiecore_api_booter.session import ApiSession, RedirectRefused
from pixiecore_api_booter.settings import ApiSettings
from pixiecore_api_booter.token_file import TokenError, TokenFile
from pixiecore_core import BootSpec, Hold, Ignore, LocalDisk, Machine

LONGEST_WAIT = 3600
"""The most seconds for which an API can send a machine away with Retry-After."""

_WAITING = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
# RFC 9110 section 15.6: a proxy's words for a server behind it that cannot be reached. 503 may be the API's own.
_UNREACHABLE = (HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT)
_CHUNK = 1 << 16
_DEEPEST = 10
_LONGEST_REASON = 300


@dataclass(frozen=True, slots=True)
class Down:
    """The API could not be reached, by us or by a proxy before it, or broke off, or was too slow."""

    what: str
    """What it did, such as ``cannot be reached: Connection refused``: it is the same for every machine."""


Outcome = BootSpec | Ignore | Hold | LocalDisk | Down


class Client:
    """Asks one API.

    :param settings: which, and how
    """

    def __init__(self, settings: ApiSettings) -> None:
        self._settings = settings
        self._session = ApiSession()
        if settings.api_token_file:
            self._session.auth = TokenFile(settings.api_token_file)
        self._addresses = Addresses(settings.url, settings.file_root)
        parts = urlsplit(settings.url)
        self.shown_url = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        """For people: without a password that may be in it."""

    def called(self, machine: Machine) -> str:
        """The question about *machine*, for people."""
        method, path = ("POST", "/v2/boot") if self._settings.api_version == 2 else ("GET", f"/v1/boot/{machine.mac}")
        return f"the API ({method} {self.shown_url}{path})"

    def close(self) -> None:
        """Close every connection that is kept alive."""
        self._session.close()

    def ask(self, machine: Machine) -> Outcome:
        """What the API says about *machine*."""
        request = self._request(machine)
        called = self.called(machine)
        timeout = self._settings.api_request_timeout
        too_late = Down(f"did not answer in full within {timeout:g} s")
        started = monotonic()
        with Deadline(timeout) as deadline:
            try:
                outcome = self._outcome(called, request)
                # A body without a length that was cut off then looks whole.
                return too_late if deadline.expired else outcome
            except RedirectRefused as error:
                return _no(f"{called} was not followed to the end: {_plain(error)}")
            except (
                requests.TooManyRedirects,
                requests.exceptions.InvalidURL,
                requests.exceptions.InvalidSchema,
            ) as error:
                return _no(f"{called} redirects to nowhere: {_plain(error)}")
            except TokenError as error:
                return Down(f"was not asked: {error}")
            except Exception as error:
                # Not only RequestException: a thread that dies without an outcome would leave its machine waiting.
                late = deadline.expired or monotonic() - started >= timeout
                return too_late if late else Down(f"cannot be reached: {_plain(_explained(error))}")

    def _request(self, machine: Machine) -> requests.Request:
        settings = self._settings
        if settings.api_version == 2:
            # Not requests' json=, which sends null for what is not known.
            body = identity.question(machine).model_dump_json(exclude_none=True)
            return requests.Request(
                "POST", f"{settings.url}/v2/boot", data=body, headers={"Content-Type": "application/json"}
            )
        url = f"{settings.url}/v1/boot/{machine.mac}"
        if settings.identity == "query":
            known = identity.query(machine)
            return requests.Request("GET", f"{url}?{known}" if known else url)
        return requests.Request("GET", url, headers=identity.headers(machine))

    def _outcome(self, called: str, request: requests.Request) -> Outcome:
        with self._send(request) as response:
            status = f"{response.status_code} {_plain(response.reason or '')}".strip()
            if response.status_code in _WAITING:
                seconds = retry_after(response.headers.get("Retry-After", ""))
                if seconds is not None:
                    reason = f"{called} said {status} and to ask again in {seconds} s"
                    return Hold(reason=reason, told="the API says to wait", seconds=seconds)
            if response.status_code in _UNREACHABLE:
                return Down(f"cannot be reached: a proxy before it said {status}")
            if response.status_code != HTTPStatus.OK:
                return _no(f"{called} said {status}")
            try:
                return boot_spec(_body(response), self._addresses)
            except ContractError as error:
                return _no(f"{called} said {status}, but {_plain(error)}")

    def _send(self, request: requests.Request) -> requests.Response:
        """The response, its body still unread. Asked once more where a kept-alive connection had been closed."""
        try:
            return self._send_once(request)
        except requests.ConnectionError as error:
            if not _stale(error):
                raise
        return self._send_once(request)

    def _send_once(self, request: requests.Request) -> requests.Response:
        settings = self._settings
        # As an argument and not as the session's: REQUESTS_CA_BUNDLE would win over that.
        certificate: str | tuple[str, str] | None = settings.api_cert
        if settings.api_cert and settings.api_key:
            certificate = (settings.api_cert, settings.api_key)
        options = self._session.merge_environment_settings(settings.url, {}, True, settings.api_ca, certificate)
        return self._session.send(
            self._session.prepare_request(request), timeout=settings.api_request_timeout, **options
        )


def _no(reason: str) -> Ignore:
    """A refusal: what the API said is for the log, and not for the machine."""
    return Ignore(reason=reason, told="the API said no")


def retry_after(value: str) -> int | None:
    """Seconds from now that a Retry-After header means, from 1 to an hour; ``None`` where it means nothing.

    Source: RFC 9110 section 10.2.3: seconds or an HTTP date.
    """
    text = value.strip()
    if text.isascii() and text.isdecimal():
        wanted = float(text)
    else:
        try:
            moment = parsedate_to_datetime(text)
        except (TypeError, ValueError, OverflowError):
            return None
        wanted = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - datetime.now(UTC).timestamp()
    return max(1, min(math.ceil(min(wanted, LONGEST_WAIT)), LONGEST_WAIT))


def _plain(text: object) -> str:
    """*text*, which a server had a part in, as it may appear in a log: in one line, and not too long."""
    line = "".join(character if character.isprintable() else " " for character in str(text))
    return line if len(line) <= _LONGEST_REASON else f"{line[:_LONGEST_REASON]}…"


def _body(response: requests.Response) -> bytes:
    """The body, at most a byte more than is allowed: the rest is left unread."""
    body = bytearray()
    for chunk in response.iter_content(_CHUNK):
        body += chunk
        if len(body) > MOST_BYTES:
            break
    return bytes(body)


def _stale(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, StaleConnection):
            return True
        error = error.__cause__ or error.__context__
    return False


def _explained(error: BaseException) -> str:
    """What went wrong, from inside what requests and urllib3 wrapped around it."""
    for _ in range(_DEEPEST):
        inner = next((part for part in (error.__cause__, *error.args, error.__context__) if _is_error(part)), None)
        if inner is None:
            break
        error = inner
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__


def _is_error(part: object) -> TypeGuard[BaseException]:
    return isinstance(part, BaseException)
