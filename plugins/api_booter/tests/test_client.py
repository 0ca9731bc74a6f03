"""One question to an API over HTTP: how it is asked, and what each behaviour of a server amounts to."""

from __future__ import annotations

import base64
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pixiecore_api_booter import ApiSettings
from pixiecore_api_booter.client import LONGEST_WAIT, Client, Down, Outcome, retry_after

from pixiecore_core import BootSpec, Hold, Ignore, Machine

from .servers import Api, Reply, boots, serving

MAC = "52:54:00:12:34:56"
MACHINE = Machine(mac=MAC, uuid=UUID(int=1), serial="LAB 1")


@contextmanager
def client(api: Api, **settings: Any) -> Iterator[Client]:
    given = {"url": api.url, "api_request_timeout": "2s", **settings}
    made = Client(ApiSettings.model_validate(given))
    try:
        yield made
    finally:
        made.close()


def ask(api: Api, **settings: Any) -> Outcome:
    with client(api, **settings) as made:
        return made.ask(MACHINE)


def outcome(behaviour: Callable[[Reply], None], **settings: Any) -> Outcome:
    with serving(behaviour) as api:
        return ask(api, **settings)


def test_version_1_is_asked_as_published() -> None:
    with serving(boots(kernel="k", initrd=["/i"])) as api:
        answer = ask(api, url=f"{api.url}/pixie/")
    assert isinstance(answer, BootSpec)
    assert answer.kernel is not None
    assert answer.kernel.location == f"{api.url}/pixie/k"
    assert answer.initrds[0].location == f"{api.url}/i"
    (asked,) = api.asked
    assert (asked.method, asked.path) == ("GET", f"/pixie/v1/boot/{MAC}")
    assert asked.headers["Accept"] == "application/json"
    assert asked.headers["User-Agent"].startswith("pixiecore/0")
    assert asked.headers["X-Pixiecore-Serial"] == "LAB 1"
    assert "Authorization" not in asked.headers


def test_identity_in_the_query() -> None:
    with serving(boots(kernel="k")) as api:
        ask(api, identity="query")
        with client(api, identity="query") as made:
            made.ask(Machine(mac=MAC))
    known, unknown = api.asked
    assert known.path == f"/v1/boot/{MAC}?uuid={UUID(int=1)}&serial=LAB%201"
    assert "X-Pixiecore-Serial" not in known.headers
    assert unknown.path == f"/v1/boot/{MAC}"


def test_version_2_posts_what_is_known() -> None:
    with serving(boots(kernel="k")) as api:
        assert isinstance(ask(api, api_version=2), BootSpec)
    (asked,) = api.asked
    assert (asked.method, asked.path) == ("POST", "/v2/boot")
    assert asked.headers["Content-Type"] == "application/json"
    assert asked.body == b'{"mac":"%s","uuid":"%s","serial":"LAB 1"}' % (MAC.encode(), str(UUID(int=1)).encode())


@pytest.mark.parametrize("status", [201, 204, 304, 400, 401, 404, 429, 500, 503])
def test_any_other_status_than_200_ignores_the_machine(status: int) -> None:
    answer = outcome(lambda reply: reply.raw(b"" if status in (204, 304) else b'{"kernel": "k"}', status))
    assert isinstance(answer, Ignore)
    assert answer.reason.startswith("the API (GET http://127.0.0.1:")
    assert f"/v1/boot/{MAC}) said {status} " in answer.reason


@pytest.mark.parametrize("status", [502, 504])
def test_a_proxy_that_does_not_reach_the_api_is_no_answer_of_it(status: int) -> None:
    answer = outcome(lambda reply: reply.raw(b'{"kernel": "k"}', status, Retry_After="7"))
    assert isinstance(answer, Down)
    assert f"cannot be reached: a proxy before it said {status} " in answer.what


def test_a_malformed_answer_ignores_the_machine() -> None:
    answer = outcome(lambda reply: reply.raw(b'{"initrd": []}'))
    assert isinstance(answer, Ignore)
    assert answer.reason.endswith("said 200 OK, but kernel is missing")


def test_a_reason_is_one_line_of_bounded_length() -> None:
    answers = [
        outcome(boots(kernel="k", cmdline={"a\nb\x1b": 5})),
        outcome(boots(kernel="ftp://" + "x" * 10_000)),
        outcome(lambda reply: reply.wfile.write(b"HTTP/1.1 404 No\x1b[31m\x85t\r\nContent-Length: 0\r\n\r\n")),
    ]
    for answer in answers:
        assert isinstance(answer, Ignore)
        assert answer.reason.isprintable()
        assert len(answer.reason) < 500


def test_a_huge_answer_is_not_read_to_its_end() -> None:
    def pour(reply: Reply) -> None:
        reply.send_response(200)
        reply.end_headers()
        while True:
            reply.wfile.write(b" " * (1 << 20))

    answer = outcome(pour)
    assert isinstance(answer, Ignore)
    assert "but the body is longer than 1,048,576 bytes" in answer.reason


@pytest.mark.parametrize("status", [429, 503])
def test_an_api_may_ask_to_wait(status: int) -> None:
    answer = outcome(lambda reply: reply.raw(b"", status, Retry_After="7"))
    assert isinstance(answer, Hold)
    assert answer.seconds == 7
    assert f"said {status} " in answer.reason
    assert answer.reason.endswith("and to ask again in 7 s")


def test_retry_after() -> None:
    later = datetime.now(UTC) + timedelta(seconds=90)
    seconds = retry_after(format_datetime(later, usegmt=True))
    assert seconds is not None
    assert 88 <= seconds <= 90
    assert retry_after(format_datetime(later - timedelta(days=1), usegmt=True)) == 1
    assert [retry_after(text) for text in ("0", " 5 ", "99999999999999999999")] == [1, 5, LONGEST_WAIT]
    assert [retry_after(text) for text in ("", "soon", "-1", "1.5", "²", "Mon, 99 Foo 2026 00:00:00 GMT")] == [None] * 6


def test_nobody_listens() -> None:
    with serving(boots(kernel="k")) as api:
        pass
    answer = ask(api)
    assert answer == Down("cannot be reached: Connection refused")


def test_a_name_that_does_not_exist() -> None:
    answer = ask(Api(boots(), "http://api.invalid"))
    assert isinstance(answer, Down)
    assert "cannot be reached: " in answer.what


def test_a_password_in_the_url_stays_out_of_the_log() -> None:
    with serving(boots(initrd=[])) as api:
        answer = ask(api, url=api.url.replace("127.0.0.1", "user:secret@127.0.0.1"))
    assert isinstance(answer, Ignore)
    assert "secret" not in answer.reason
    assert base64.b64decode(api.asked[0].headers["Authorization"].removeprefix("Basic ")) == b"user:secret"


def silent(reply: Reply) -> None:
    time.sleep(5)


def dripping_headers(reply: Reply) -> None:
    for byte in b"HTTP/1.1 200 OK\r\nX-Filler: " + b"x" * 1000:
        reply.wfile.write(bytes([byte]))
        time.sleep(0.05)


def dripping_body(reply: Reply) -> None:
    reply.send_response(200)
    reply.send_header("Content-Length", "1000")
    reply.end_headers()
    for _ in range(1000):
        reply.wfile.write(b" ")
        time.sleep(0.05)


def dripping_without_length(reply: Reply) -> None:
    reply.wfile.write(b'HTTP/1.0 200 OK\r\n\r\n{"kernel": "k"}')
    for _ in range(1000):
        reply.wfile.write(b" ")
        time.sleep(0.05)


def slow_redirect(reply: Reply) -> None:
    time.sleep(0.1)
    reply.redirect(reply.path)


@pytest.mark.parametrize("behaviour", [silent, dripping_headers, dripping_body, dripping_without_length])
def test_a_slow_api_is_given_up_in_time(behaviour: Callable[[Reply], None]) -> None:
    started = time.monotonic()
    answer = outcome(behaviour, api_request_timeout="300ms")
    assert isinstance(answer, Down)
    assert answer.what.endswith("did not answer in full within 0.3 s")
    assert time.monotonic() - started < 1.5


def test_slow_redirects_are_given_up_in_time_too() -> None:
    answer = outcome(slow_redirect, api_request_timeout="300ms")
    assert isinstance(answer, Down)
    assert answer.what.endswith("did not answer in full within 0.3 s")


@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", b"rubbish\r\n\r\n"])
def test_an_answer_that_breaks_off(sent: bytes) -> None:
    def break_off(reply: Reply) -> None:
        reply.wfile.write(sent)
        reply.close_connection = True

    with serving(break_off) as api:
        answer = ask(api)
    assert isinstance(answer, Down)
    assert "cannot be reached: " in answer.what
    assert len(api.asked) == 1, "a fresh connection that breaks off is not a reason to ask twice"


def test_connections_are_kept_and_a_stale_one_is_replaced_silently() -> None:
    """The server closes the kept connection at the very moment it is used again: only once per connection."""
    connections: list[int] = []

    def vanish_on_reuse(reply: Reply) -> None:
        if reply.client_address[1] in connections:
            reply.close_connection = True
            return
        connections.append(reply.client_address[1])
        reply.json({"kernel": "k"})

    with serving(vanish_on_reuse) as api, client(api) as made:
        for _ in range(3):
            assert isinstance(made.ask(MACHINE), BootSpec)
    assert len(connections) == 3
    assert len(api.asked) == 5


def test_an_api_that_always_vanishes_is_asked_twice_and_not_for_ever() -> None:
    answers = iter([True])

    def vanish(reply: Reply) -> None:
        if next(answers, False):
            reply.json({"kernel": "k"})
        else:
            reply.close_connection = True

    with serving(vanish) as api, client(api) as made:
        assert isinstance(made.ask(MACHINE), BootSpec)
        assert isinstance(made.ask(MACHINE), Down)
    assert len(api.asked) == 3


def test_cookies_are_not_shared_among_machines() -> None:
    with serving(lambda reply: reply.json({"kernel": "k"}, Set_Cookie="machine=1")) as api, client(api) as made:
        made.ask(MACHINE)
        made.ask(MACHINE)
    assert "Cookie" not in api.asked[1].headers


def test_a_token_is_read_again_when_its_file_changes(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("first\n")
    with serving(boots(kernel="k")) as api, client(api, api_token_file=str(token)) as made:
        made.ask(MACHINE)
        token.write_text("second-one")
        made.ask(MACHINE)
        token.write_text("")
        answer = made.ask(MACHINE)
        token.unlink()
        gone = made.ask(MACHINE)
    assert [asked.headers["Authorization"] for asked in api.asked] == ["Bearer first", "Bearer second-one"]
    assert isinstance(answer, Down)
    assert "does not hold a token" in answer.what
    assert isinstance(gone, Down)
    assert f"{token} cannot be read: No such file" in gone.what


def test_a_token_comes_before_netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login u password p\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    (tmp_path / "token").write_text("word")
    with serving(boots(kernel="k")) as api:
        ask(api)
        ask(api, api_token_file=str(tmp_path / "token"))
    assert api.asked[0].headers["Authorization"].startswith("Basic ")
    assert api.asked[1].headers["Authorization"] == "Bearer word"


def test_proxies_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(boots(kernel="k")) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        answer = ask(Api(boots(), "http://api.example"))
    assert isinstance(answer, BootSpec)
    assert proxy.asked[0].path == f"http://api.example/v1/boot/{MAC}"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_on_the_same_host_carry_everything(tmp_path: Path, status: int) -> None:
    (tmp_path / "token").write_text("word")

    def moved(reply: Reply) -> None:
        if reply.path.startswith("/new/"):
            reply.json({"kernel": "k"})
        else:
            reply.redirect(f"/new{reply.path}", status)

    with serving(moved) as api:
        assert isinstance(ask(api, api_token_file=str(tmp_path / "token")), BootSpec)
    for asked in api.asked:
        assert asked.headers["Authorization"] == "Bearer word"
        assert asked.headers["X-Pixiecore-Serial"] == "LAB 1"


@pytest.mark.parametrize("status", [307, 308])
def test_a_moved_question_is_posted_again(status: int) -> None:
    def moved(reply: Reply) -> None:
        if reply.path.startswith("/new/"):
            reply.json({"kernel": "k"})
        else:
            reply.redirect(f"/new{reply.path}", status)

    with serving(moved) as api:
        assert isinstance(ask(api, api_version=2), BootSpec)
    assert api.asked[0].body == api.asked[1].body != b""


def test_redirects_to_another_host_carry_no_secret(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("word")
    with serving(boots(kernel="k")) as api:
        elsewhere = f"http://localhost:{api.port}/elsewhere"
        api.behaviour = lambda reply: (
            reply.json({"kernel": "k"}) if reply.path == "/elsewhere" else reply.redirect(elsewhere)
        )
        assert isinstance(ask(api, api_token_file=str(tmp_path / "token")), BootSpec)
    first, second = api.asked
    assert first.headers["Authorization"] == "Bearer word"
    assert second.headers["Host"].startswith("localhost")
    assert not [name for name in second.headers if name.lower().startswith(("authorization", "x-pixiecore"))]


def test_a_question_is_not_posted_to_another_host() -> None:
    with serving(boots(kernel="k")) as api:
        elsewhere = f"http://localhost:{api.port}/elsewhere"
        api.behaviour = lambda reply: reply.redirect(elsewhere, 307)
        answer = ask(api, api_version=2)
    assert isinstance(answer, Ignore)
    assert answer.reason.endswith(f"was not followed to the end: it redirects to another server, {elsewhere}")
    assert len(api.asked) == 1


@pytest.mark.parametrize("location", ["ftp://127.0.0.1/x", "http://", "/"])
def test_redirects_that_lead_nowhere(location: str) -> None:
    answer = outcome(lambda reply: reply.redirect(location))
    assert isinstance(answer, Ignore)
    assert "redirects to nowhere: " in answer.reason


def test_the_body_of_a_redirect_is_not_read() -> None:
    def pour(reply: Reply) -> None:
        if reply.path == "/there":
            reply.json({"kernel": "k"})
            return
        reply.send_response(302)
        reply.send_header("Location", "/there")
        reply.end_headers()
        while True:
            reply.wfile.write(b"x" * (1 << 20))

    assert isinstance(outcome(pour), BootSpec)


def test_a_hundred_at_once() -> None:
    barrier = threading.Barrier(100)

    def together(reply: Reply) -> None:
        barrier.wait(5)
        reply.json({"kernel": "k"})

    answers: list[Outcome] = []
    with serving(together) as api, client(api, api_request_timeout="5s") as made:
        threads = [threading.Thread(target=lambda: answers.append(made.ask(MACHINE))) for _ in range(100)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [answer for answer in answers if not isinstance(answer, BootSpec)] == []


def test_a_port_that_accepts_and_says_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        answer = ask(Api(boots(), f"http://127.0.0.1:{listener.getsockname()[1]}"), api_request_timeout="200ms")
    assert isinstance(answer, Down)
    assert answer.what.endswith("did not answer in full within 0.2 s")
