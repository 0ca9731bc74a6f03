"""The page as the server writes it, and the JSON of ``/_/v1``: what is shown to whom, and that it stays text."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openapi_spec_validator import validate
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request, Response

from pixiecore_core import hookimpl
from pixiecore_core.engine.attempts import Attempts
from pixiecore_core.firmware.known import KNOWN
from pixiecore_core.models import Machine, MachineAction
from pixiecore_core.models.facts import FACTS, Booting, Fact, Ignored, ScriptSent
from pixiecore_core.observe.bus import Bus
from pixiecore_core.observe.frames import LastFrames
from pixiecore_core.observe.progress import Moving, Progress
from pixiecore_core.plugins.manager import PluginManager
from pixiecore_core.web import openapi, status
from pixiecore_core.web.actions import ACTIONS_PATH, Actions
from pixiecore_core.web.guards import Guard
from pixiecore_core.web.hosts import OurHosts
from pixiecore_core.web.markup import element, joined
from pixiecore_core.web.page import PeoplePages
from pixiecore_core.web.server import ServerPage
from pixiecore_core.web.v1 import MachinePages
from pixiecore_core.web.views import bare

MAC, OTHER = "52:54:00:00:00:01", "52:54:00:00:00:02"
TOKEN = b"0123456789abcdef"
SECRET = "secret"


class Policy:
    """Says what it does, and offers two things to do."""

    def __init__(self) -> None:
        self.done: list[str] = []

    @hookimpl
    def policy_in_words(self) -> str:
        return "machines <b>wait</b>"

    @hookimpl
    def machine_actions(self, machine: Machine) -> list[MachineAction]:
        def note() -> str:
            self.done.append(machine.mac)
            return f"{machine.mac} may boot"

        def fail() -> str:
            raise OSError("the disk is full")

        return [
            MachineAction(name="approve", title="Approve", about="let it boot", run=note),
            MachineAction(name="break", title="Break", run=fail),
        ]


class Site:
    """The pages, without a server."""

    def __init__(self, token: bytes | None = None) -> None:
        self.bus, self.policy, self.failures = Bus(), Policy(), []
        self.attempts, progress = Attempts(), Progress()
        self.bus.subscribe(self.attempts.add)
        self.plugins = PluginManager(lambda error, mac: self.failures.append(str(error)))
        self.plugins.register(self.policy, "gate policy")
        guard = Guard(OurHosts(), self.bus, token)
        actions = Actions(self.attempts, self.plugins, self.bus, token is not None, guard.sent_bearer)
        machines = MachinePages(self.attempts, progress, KNOWN, LastFrames(), guard.knows, actions=actions.of)
        server = ServerPage(self.attempts, progress, self.plugins, guard.knows, token is not None)
        people = PeoplePages(machines, server.info)
        self.progress = progress
        pages = [status.pages(self.attempts, guard.knows), openapi.pages()]
        pages += [one.pages() for one in (machines, server, actions, people)]
        self.pages = guard.around({path: page for some in pages for path, page in some.items()})
        self.folders = guard.around({**machines.folders(), **people.folders()})

    def get(self, path: str, address: str = "127.0.0.1", **options: Any) -> Response:
        builder = EnvironBuilder(path, environ_base={"REMOTE_ADDR": address}, **options)
        request = Request({**builder.get_environ(), "pixiecore.local_address": ("192.0.2.2", 80)})
        page = self.pages.get(request.path) or next(
            page for folder, page in self.folders.items() if request.path.startswith(folder)
        )
        return page(request)

    def text(self, path: str, address: str = "127.0.0.1") -> str:
        answer = self.get(path, address)
        assert answer.status_code == 200
        return answer.get_data(as_text=True)

    def act(self, body: object, token: str | None = TOKEN.decode(), **headers: str) -> Response:
        said = {"Authorization": f"Bearer {token}"} if token is not None else {}
        return self.get(
            ACTIONS_PATH,
            method="POST",
            data=body if isinstance(body, (str, bytes)) else json.dumps(body),
            content_type=headers.pop("content_type", "application/json"),
            headers=said | headers,
        )


def machine(site: Site, mac: str = MAC, **known: Any) -> None:
    site.attempts.add(ScriptSent(mac=mac))
    site.attempts.complete(Machine(mac=mac, **known))


def test_it_lists_machines_with_what_is_known_of_them() -> None:
    site = Site()
    machine(site, serial="SN1", product="R650", manufacturer="Dell Inc.", hostname="web-1")
    site.progress.begin(Moving(MAC, "folder/vmlinuz", 10_000_000, 4_000_000))
    text = site.text("/")
    for words in (
        f'href="/machines/{MAC}"',
        "web-1",
        "SN1",
        "Dell Inc. R650",
        "under way",
        "40 % of 10.0 MB",
        "vmlinuz",
    ):
        assert words in text
    assert "machines &lt;b&gt;wait&lt;/b&gt;" in text
    assert "No machine is like that" in site.text("/?state=failed")
    assert "web-1" in site.text("/?find=WEB")
    assert "No machine has asked to boot yet" in Site().text("/")
    for number in range(150):
        site.attempts.add(Ignored(mac=f"52:54:01:00:00:{number:02x}", stage="dhcp", reason="x"))
    text = site.text("/")
    assert text.count("data-mac=") == 100
    assert "51 more asked earlier" in text


def test_its_policy_lets_nothing_run_but_our_own_files() -> None:
    site = Site()
    machine(site)
    for path in ("/", f"/machines/{MAC}"):
        answer = site.get(path)
        policy = dict(part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; "))
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
        text = answer.get_data(as_text=True)
        assert "style=" not in text
        assert " on" not in "".join(part.split(">")[0] for part in text.split("<script")[1:])
    for name in ("page.js", "machine.js", "common.js", "page.css", "icon.svg"):
        answer = site.get(f"/_/page/{name}")
        assert answer.status_code == 200
        assert b"http" not in answer.get_data().replace(b"http://www.w3.org/2000/svg", b""), "of no other host"
    for name in ("", "page.py", "../page.py", "%2e%2e/page.py"):
        assert site.get(f"/_/page/{name}").status_code == 404


@given(st.text())
def test_a_text_never_becomes_markup(text: str) -> None:
    inside = element("p", text, title=text)
    assert inside.count("<") == 2
    assert inside.count(">") == 2
    assert inside.count('"') == 2
    assert joined(inside, text).count("<") == 2


def test_whatever_a_machine_calls_itself_stays_text() -> None:
    site = Site()
    forged = "<img src=x onerror=alert(1)>\"'&"
    machine(
        site, serial=forged, product=forged, manufacturer=forged, hostname=forged, asset=forged, ipxe_version=forged
    )
    site.attempts.add(Ignored(mac=MAC, stage="script", reason=forged))
    for path in ("/", f"/machines/{MAC}", "/?find=%3Cimg%20src=x%3E&state=%22%3E%3Cimg%3E"):
        text = site.text(path)
        assert "<img" not in text
    assert "&lt;img src=x onerror" in site.text("/")


def test_every_field_of_a_fact_is_hidden_or_known_to_be_harmless() -> None:
    """A new field that may hold a name of a file, a URL or what people wrote must be left out for strangers."""
    harmless = {
        *("kind", "mac", "stage", "client", "architecture", "interface", "variant", "via", "address", "purpose"),
        *("server", "asked_for", "asked_for", "number", "what", "source", "plugin", "by", "hook", "problem"),
    }
    for kind in FACTS:
        values = {
            name: SECRET
            for name, field in kind.model_fields.items()
            if name not in harmless and "str" in str(field.annotation) and "Literal" not in str(field.annotation)
        }
        if "values" in kind.model_fields:
            values["values"] = {"name": SECRET}  # type: ignore[assignment]
        fact: Fact = kind.model_construct(**values)
        assert SECRET not in json.dumps({name: getattr(bare(fact), name) for name in values}), kind


@pytest.mark.parametrize("path", ["/", f"/machines/{MAC}", "/_/v1/machines", f"/_/v1/machines/{MAC}", "/_/status"])
def test_strangers_see_nothing_that_people_wrote(path: str) -> None:
    site = Site()
    machine(site, hostname=f"{SECRET}-name", asset=f"{SECRET}-asset", serial="SN1")
    site.attempts.add(Ignored(mac=MAC, stage="script", reason=f"http://{SECRET}.example/"))
    site.progress.begin(Moving(MAC, f"{SECRET}-file", 100))
    assert SECRET in site.text(path)
    text = site.text(path, "192.0.2.9")
    assert SECRET not in text
    assert MAC in text


def test_what_is_hidden_is_not_found() -> None:
    site = Site()
    machine(site, hostname="secret-name", serial="SN1")
    assert MAC in site.text("/_/v1/machines?find=secret")
    for path in ("/_/v1/machines?find=secret", "/?find=secret"):
        assert MAC not in site.text(path, "192.0.2.9")
    assert MAC in site.text("/_/v1/machines?find=sn1", "192.0.2.9")


def test_machines_are_chosen_by_state_and_text() -> None:
    site = Site()
    machine(site, serial="SN1")
    machine(site, OTHER, serial="SN2")
    site.attempts.add(Booting(mac=OTHER))

    def found(query: str) -> list[str]:
        return [one["mac"] for one in json.loads(site.text(f"/_/v1/machines?{query}"))["machines"]]

    assert found("") == found("find=sn") == [OTHER, MAC]
    assert found("state=booting") == [OTHER]
    assert found("state=booting&find=SN1") == []
    assert found("limit=1") == [OTHER]
    assert found("find=sn&limit=1") == [OTHER]


def test_the_server_tells_of_itself() -> None:
    site = Site(TOKEN)
    machine(site)
    answer = json.loads(site.get("/_/v1/server", headers={"Authorization": f"Bearer {TOKEN.decode()}"}).get_data())
    assert answer["known"] == 1
    assert answer["states"] == {"under way": 1}
    assert answer["policies"] == [{"name": "gate", "says": "machines <b>wait</b>"}]
    assert (answer["sees_all"], answer["acts"], answer["neighbours"]) == (True, True, [])
    assert 0 <= answer["uptime"] < 60
    assert json.loads(Site().text("/_/v1/server", "192.0.2.9"))["sees_all"] is False


def test_an_action_wants_the_token_as_a_bearer_token() -> None:
    wanted = {"mac": MAC, "action": "gate:approve"}
    assert Site().act(wanted).status_code == 403
    site = Site(TOKEN)
    assert site.act(wanted, token=None).status_code == 401
    assert site.act(wanted, token="wrong").status_code == 403, "to a 401 a browser would ask by itself"
    by_itself = "Basic eDowMTIzNDU2Nzg5YWJjZGVm"
    assert site.act(wanted, token=None, Authorization=by_itself).status_code == 403
    assert site.act(wanted, content_type="text/plain").status_code == 415
    assert site.get(ACTIONS_PATH, headers={"Authorization": f"Bearer {TOKEN.decode()}"}).status_code == 405
    assert site.policy.done == []
    answer = site.act(wanted)
    assert (answer.status_code, answer.get_json()) == (200, {"said": f"{MAC} may boot"})
    assert site.policy.done == [MAC]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"mac": MAC, "action": "gate:other"}, 404),
        ({"mac": MAC, "action": "retry"}, 404),  # it has not been heard of
        ({"mac": "rubbish", "action": "gate:approve"}, 400),
        ({"mac": MAC}, 400),
        ({"mac": MAC, "action": "gate:approve", "more": 1}, 400),
        ("[", 400),
        (b"\xff\xfe", 400),
        ("[" * 50_000, 400),
        ({"mac": MAC, "action": "gate:break"}, 500),
    ],
)
def test_an_action_that_cannot_be(body: object, expected: int) -> None:
    site = Site(TOKEN)
    answer = site.act(body)
    assert answer.status_code == expected
    assert site.policy.done == []
    assert bool(site.failures) is (expected == 500)


def test_a_machine_is_let_try_again() -> None:
    site = Site(TOKEN)
    machine(site)
    headers = {"Authorization": f"Bearer {TOKEN.decode()}"}
    offered = site.get(f"/_/v1/machines/{MAC}", headers=headers).get_json()["actions"]
    assert [one["name"] for one in offered] == ["gate:approve", "gate:break", "retry"]
    before = site.attempts.latest(MAC)
    assert site.act({"mac": MAC, "action": "retry"}).status_code == 200
    after = site.attempts.latest(MAC)
    assert after is not None
    assert after is not before
    assert "forgotten" in site.get(f"/_/v1/machines/{MAC}", headers=headers).get_data(as_text=True)


def test_the_openapi_document_is_one_and_says_what_is_answered() -> None:
    document = openapi.document()
    validate(document)
    site = Site()
    machine(site)
    assert site.get("/_/v1/openapi.json").get_json() == document
    schemas = document["components"]["schemas"]
    for path, model in (("/_/v1/machines", "MachineList"), (f"/_/v1/machines/{MAC}", "MachineDetail")):
        assert set(site.get(path).get_json()) == set(schemas[model]["properties"])
    known = set(site.pages) | {"/_/v1/events"}
    paths = {path for path in document["paths"] if "{" not in path}
    assert paths <= known
    assert {path for path in site.pages if path.startswith("/_/v1/")} - {openapi.OPENAPI_PATH} <= paths
