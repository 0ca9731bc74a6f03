"""The page in a real browser, headless, while simulated machines boot: live, searchable, accessible, and closed to
whatever a machine calls itself.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.browser import Page, chromium
from tests.net.test_storm import free_port
from tests.scene import TOKEN, Scene, scene

pytestmark = pytest.mark.servers

BOOTED, SLOW, FAILED, FORGED, VANISHED = (f"52:54:00:00:00:0{number}" for number in range(1, 6))
HELD = "02:00:00:00:00:01"
FORGERY = '<img/src="x"onerror="window.forged=1">'
LIVE = "document.getElementById('connection')?.textContent === 'live'"
ROWS = "[...document.querySelectorAll('#machines tr')].filter((row) => row.offsetParent).map((row) => row.dataset.mac)"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("server")
    with scene(folder) as made:
        made.boot("uefi-x64", BOOTED, serial="SN-BOOTED", product="R650", hostname="web-1")
        with made.without_kernel():
            made.boot("bios", FAILED, serial="SN-FAILED")
        made.boot("bios", FORGED, hostname=FORGERY, serial=FORGERY, manufacturer=FORGERY, product=FORGERY)
        yield made


@pytest.fixture(scope="module")
def page(stage: Scene, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with chromium(tmp_path_factory.mktemp("profile")) as found:
        yield found
        asked = {f"{urlsplit(url).scheme}://{urlsplit(url).netloc}" for url in found.requests}
        assert asked - {"about://"} == {stage.url}, "no request leaves the origin"
        assert not found.problems


def cell(mac: str, name: str) -> str:
    return f"document.querySelector('tr[data-mac=\"{mac}\"] td.{name}').innerText"


def look_for(page: Page, text: str) -> None:
    field = "document.getElementById('find')"
    page.run(f"{field}.value = {json.dumps(text)}; {field}.dispatchEvent(new Event('input'))")


def test_a_row_appears_and_moves_on_without_a_reload(stage: Scene, page: Page) -> None:
    page.look(1280, 800)
    page.open(f"{stage.url}/")
    page.wait(LIVE)
    page.run("window.sameDocument = true")
    assert SLOW not in page.run(ROWS)
    machine = stage.begin("uefi-x64", SLOW, "--slow", "6000000", serial="SN-SLOW")
    page.wait(f"{ROWS}.includes('{SLOW}')")
    page.wait(f"document.querySelector('tr[data-mac=\"{SLOW}\"] progress')?.value > 1000000")
    assert "MB/s" in page.run(cell(SLOW, "step"))
    first = page.run(f"document.querySelector('tr[data-mac=\"{SLOW}\"] progress').value")
    page.wait(f"document.querySelector('tr[data-mac=\"{SLOW}\"] progress')?.value > {first}")
    assert machine.wait(30) == 0
    page.wait(f"{cell(SLOW, 'state')} === 'booting'")
    stage.live(SLOW)
    page.wait(f"{cell(SLOW, 'state')} === 'booted'")
    page.wait("document.querySelector('#states a[data-state=booted] .number').textContent === '1'")
    assert page.run("window.sameDocument")
    assert page.run(ROWS)[0] == SLOW, "the one heard of last is first"


def test_an_age_counts_up(stage: Scene, page: Page) -> None:
    page.open(f"{stage.url}/")
    page.wait(LIVE)
    before = page.run(cell(FAILED, "heard"))
    page.wait(f"{cell(FAILED, 'heard')} !== {json.dumps(before)}")


def test_machines_are_searched_and_chosen_and_gone_back_to(stage: Scene, page: Page) -> None:
    page.open(f"{stage.url}/")
    page.wait(LIVE)
    page.wait(f"{ROWS}.length >= 3")
    everything = page.run(f"{ROWS}.length")
    look_for(page, "sn-booted")
    page.wait(f"{ROWS}.length === 1")
    assert page.run(ROWS) == [BOOTED]
    assert page.run("location.search") == "?find=sn-booted"
    look_for(page, "")
    page.wait(f"{ROWS}.length === {everything}")
    page.run("document.querySelector('#states a[data-state=failed]').click()")
    page.wait(f"{ROWS}.length === 1")
    assert page.run(ROWS) == [FAILED]
    assert page.run("document.querySelector('#states a[aria-current]').dataset.state") == "failed"
    page.run("history.back()")
    page.wait(f"{ROWS}.length === {everything}")
    look_for(page, "nothing is called so")
    page.wait("document.getElementById('nothing').offsetParent !== null")
    page.open(f"{stage.url}/?state=failed")
    page.wait(LIVE)
    assert page.run(ROWS) == [FAILED], "an address is enough to come back"


def test_a_machines_page_explains(stage: Scene, page: Page) -> None:
    page.open(f"{stage.url}/?find=sn-failed")
    page.wait(LIVE)
    page.run("document.querySelector('#machines a').click()")
    page.wait(f"location.pathname === '/machines/{FAILED}' && document.querySelector('.diagnosis')")
    text = page.text()
    assert "A file that it needs is not to be had" in text
    assert "Check the path or the URL" in text
    assert "failed to load its kernel" in text
    assert f"/_/v1/machines/{FAILED}/frames.pcap" in page.run("document.body.innerHTML")
    page.run("history.back()")
    page.wait("location.search === '?find=sn-failed'")


def test_a_machine_that_falls_silent_is_explained_with_lines_to_copy(stage: Scene, page: Page) -> None:
    stage.boot("uefi-x64", VANISHED, "--vanish", "offer", "--expect", "vanished")
    page.open(f"{stage.url}/machines/{VANISHED}")
    page.wait("document.querySelector('#state').innerText === 'under way'")
    page.wait("document.querySelector('#state').innerText === 'stalled'", patience=40)
    page.wait("document.querySelector('.copyable button')")
    page.run("document.querySelector('.copyable button').click()")
    page.wait("/Copied|Selected/.test(document.querySelector('.copyable button').textContent)")
    assert "{" not in page.run("document.querySelector('.copyable code').textContent"), "names are filled in"


def test_nothing_that_a_machine_says_becomes_markup(stage: Scene, page: Page) -> None:
    for path in ("/", f"/machines/{FORGED}", f"/?find={FORGERY}"):
        page.open(f"{stage.url}{path}".replace("<", "%3C").replace(">", "%3E").replace('"', "%22"))
        page.wait(LIVE)
        page.wait(f"document.body.textContent.includes({json.dumps(FORGERY)})")
        assert page.run("document.querySelectorAll('main img').length") == 0
        assert page.run("window.forged") is None


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [1280, 360])
def test_axe_finds_nothing_and_nothing_is_cut_off(stage: Scene, page: Page, width: int, dark: bool) -> None:
    page.look(width, 800, dark)
    for path in ("/", f"/machines/{FAILED}", f"/machines/{BOOTED}", "/machines/52:54:00:99:99:99"):
        page.open(f"{stage.url}{path}")
        page.wait(LIVE)
        assert page.violations() == []
        assert page.run("document.documentElement.scrollWidth <= innerWidth")


def test_the_keyboard_is_enough(stage: Scene, page: Page) -> None:
    page.look(1280, 800)
    page.open(f"{stage.url}/")
    page.wait(LIVE)

    def press(key: str) -> None:
        for kind in ("rawKeyDown", "char", "keyUp"):
            text = {"text": "\r"} if key == "Enter" and kind == "char" else {}
            code = {"Tab": 9, "Enter": 13}[key]
            page.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **text)

    press("Tab")
    assert page.run("document.activeElement.className") == "skip"
    seen = []
    for _ in range(25):
        press("Tab")
        seen.append(page.run("document.activeElement.closest('#machines') ? 'row' : document.activeElement.tagName"))
        if seen[-1] == "row":
            break
    assert seen[-1] == "row"
    assert page.run("getComputedStyle(document.activeElement).outlineStyle") != "none"
    press("Enter")
    page.wait("location.pathname.startsWith('/machines/')")


def test_without_a_script_it_is_a_table(stage: Scene, page: Page) -> None:
    page.call("Emulation.setScriptExecutionDisabled", value=True)
    page.call("Page.navigate", url=f"{stage.url}/?state=failed")
    page.wait("document.readyState === 'complete' && location.search === '?state=failed'")
    page.wait(f"document.querySelector('#machines')?.innerText.includes('{FAILED}')")
    assert BOOTED not in page.text()
    page.call("Emulation.setScriptExecutionDisabled", value=False)


def test_it_says_that_the_connection_is_lost_and_comes_back(tmp_path: Path) -> None:
    port = free_port()
    options = ("--http", f"127.0.0.1:{port}")
    with chromium(tmp_path / "profile") as page:
        with scene(_new(tmp_path / "one"), *options) as stage:
            page.open(f"{stage.url}/")
            page.wait(LIVE)
        page.wait("document.getElementById('connection').textContent.includes('lost')")
        with scene(_new(tmp_path / "two"), *options) as stage:
            stage.boot("bios", BOOTED)
            page.wait(LIVE)
            page.wait(f"{ROWS}.includes('{BOOTED}')")


def test_who_has_the_token_approves_a_machine_that_waits(tmp_path: Path) -> None:
    folder = _new(tmp_path / "server")
    (folder / "token").write_text(TOKEN)
    (folder / "token").chmod(0o600)
    with (
        scene(folder, "--status-token-file", str(folder / "token")) as stage,
        chromium(tmp_path / "profile") as page,
    ):
        # As if it had asked for a name and a password, which it keeps from then on.
        page.call("Page.navigate", url=stage.url.replace("//", f"//anyone:{TOKEN}@"))
        page.wait(LIVE)
        machine = stage.begin("bios", HELD)
        page.open(f"{stage.url}/machines/{HELD}")
        page.wait("[...document.querySelectorAll('.actions button')].some((one) => one.textContent === 'Approve')")
        page.wait("document.querySelector('#state').innerText.includes('held')")
        for token, said in (("a wrong one", "wrong token"), (TOKEN, "is approved")):
            page.run(
                "[...document.querySelectorAll('.actions button')].find((one) => one.textContent === 'Approve').click()"
            )
            page.wait("document.querySelector('dialog[open]')")
            assert page.violations() == []
            page.run(f"token.value = {json.dumps(token)}; document.querySelector('dialog button[value=ok]').click()")
            page.wait(f"document.getElementById('actions').innerText.includes({json.dumps(said)})")
        assert machine.wait(30) == 0
        page.wait("document.querySelector('#state').innerText.includes('booting')")
        assert page.run("document.cookie") == ""
        assert page.run("localStorage.length") == 0


def _new(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder
