"""Fetches by HTTP for a simulated machine: one request on one connection, as short-lived as firmware's."""

from __future__ import annotations

import re
from http.client import HTTPException, HTTPResponse
from urllib.parse import urljoin, urlsplit

from gevent import socket

from pixiecore_core.testing.machines.faults import Body, Faults, TooMuch, Vanished
from pixiecore_core.testing.machines.reach import Reach
from pixiecore_core.testing.machines.steps import Fetched, FetchHttp

_SILENCE = 30.0
_MOST_REDIRECTS = 10
_CHUNK = 64 << 10
_REDIRECTS = (301, 302, 303, 307, 308)
_UNPRINTABLE = re.compile(r"[^\x21-\x7e]")


def fetch(step: FetchHttp, reach: Reach, faults: Faults) -> Fetched:
    """Fetch a file, and follow where it has moved.

    :raises Vanished: this is where the machine is switched off
    """
    url = step.url
    for _ in range(_MOST_REDIRECTS):
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port or 80
        except ValueError as error:
            return Fetched(problem=f"{url} is no URL: {error}", cause="broken")
        if parts.scheme != "http" or _UNPRINTABLE.search(url):
            return Fetched(problem=f"{url}: only plain http is imitated", cause="broken")
        problem = reach.problem_with(host)
        if problem:
            return Fetched(problem=problem, cause="forbidden")
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            fetched, location = _request(step, (host, port), parts.netloc, target, reach, faults)
        except ConnectionRefusedError:
            return Fetched(problem=f"connection refused by {host}, port {port}", cause="refused")
        except TimeoutError:
            return Fetched(problem=f"{host}, port {port}, does not answer by HTTP", cause="silent")
        except (OSError, HTTPException, TooMuch, ValueError) as error:
            return Fetched(problem=f"the answer from {host}, port {port}, breaks off: {error}", cause="broken")
        if not location:
            return fetched
        url = urljoin(url, location)
    return Fetched(problem=f"{step.url} moves for ever", cause="broken")


def _request(
    step: FetchHttp, server: tuple[str, int], authority: str, target: str, reach: Reach, faults: Faults
) -> tuple[Fetched, str]:
    """One request: what came, and where to it has moved."""
    sock = socket.create_connection(server, step.timeout or _SILENCE, (str(reach.address), 0))
    try:
        head = f"{step.method} {target} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: {step.agent}\r\nAccept: */*\r\n"
        sock.sendall(f"{head}Connection: close\r\n\r\n".encode("latin-1"))
        answer = _answer(step, sock, faults)
    except Vanished:
        faults.leave_open(sock)
        raise
    except BaseException:
        sock.close()
        raise
    sock.close()
    return answer


def _answer(step: FetchHttp, sock: socket.socket, faults: Faults) -> tuple[Fetched, str]:
    with HTTPResponse(sock, method=step.method) as response:
        response.begin()
        location = response.headers.get("Location", "") if response.status in _REDIRECTS else ""
        if location or response.status not in (200, 206):
            return _refusal(response), location
        if step.method == "HEAD":
            return Fetched(size=int(response.headers.get("Content-Length", "0")), status=response.status), ""
        return _read(response, Body(step.stage, faults)), ""


def _refusal(response: HTTPResponse) -> Fetched:
    text = " ".join(response.read(300).decode("utf-8", "replace").split())
    after = response.headers.get("Retry-After", "")
    return Fetched(
        problem=f"{response.status} {text or response.reason}",
        cause={404: "not-found", 401: "forbidden", 403: "forbidden"}.get(response.status, "broken"),
        status=response.status,
        retry_after=int(after) if after.isdecimal() and len(after) < 6 else None,
    )


def _read(response: HTTPResponse, body: Body) -> Fetched:
    promised = response.length
    body.expected = promised
    while part := response.read(_CHUNK):
        body.add(part)
    if body.faults.vanish is body.stage:
        raise Vanished
    if promised is not None and body.size != promised:
        raise HTTPException(f"{body.size} of {promised} bytes came")
    return body.whole()
