"""Chromium without a window, as a judge of pages: drives it over a pipe by the Chrome DevTools Protocol.

Needs nothing but the browser itself. Records each request that a page makes, and whatever it complains of. axe-core,
the judge of accessibility, comes from a wheel that has it in it, and is kept in ``.cache``.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_WHEEL = "axe-playwright-python==0.1.8"
"""Of all packages that hold axe-core the smallest with a recent one, 4.12.1; only its axe.min.js is used."""
_CACHE = Path(__file__).resolve().parents[1] / ".cache" / "axe"
_FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-extensions", "--hide-scrollbars"),
]
_PATIENCE = 20.0


class Page:
    """One tab."""

    def __init__(self, browser: _Pipe) -> None:
        self._browser = browser
        target = browser.call("Target.createTarget", {"url": "about:blank"})["targetId"]
        self._session = browser.call("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        self.requests: list[str] = []
        """The URLs that were asked for."""
        self.problems: list[str] = []
        """What the browser complained of: errors of scripts, what the policy forbids, what could not be loaded."""
        browser.heard[self._session] = self._hear
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol."""
        return self._browser.call(method, parameters, self._session)

    def open(self, url: str) -> None:
        """Load a page."""
        self.call("Page.navigate", url=url)
        self.wait(f"location.href === {json.dumps(url)} && document.readyState === 'complete'")

    def run(self, script: str) -> Any:
        """The value of an expression, which may be a promise."""
        answer = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise AssertionError(f"{script[:200]}: {json.dumps(answer['exceptionDetails'])[:500]}")
        return answer["result"].get("value")

    def wait(self, condition: str, patience: float = _PATIENCE) -> None:
        """Wait until an expression is true."""
        give_up = time.monotonic() + patience
        while not self.run(f"Boolean({condition})"):
            assert time.monotonic() < give_up, f"never so: {condition}; the page says {self.text()!r}; {self.problems}"
            time.sleep(0.05)

    def text(self) -> str:
        """What can be read."""
        return str(self.run("document.body ? document.body.innerText : ''"))

    def look(self, width: int, height: int, dark: bool = False) -> None:
        """Be so wide and high, and light or dark."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1 if width > 600 else 2,
            mobile=width <= 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def picture(self, file: Path) -> None:
        """Write a PNG of what is seen."""
        file.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    def violations(self) -> list[str]:
        """What axe-core finds, a line each."""
        self.run(axe_core())
        found = self.run("axe.run().then((done) => done.violations)")
        return [f"{one['id']}: {one['help']}: {[node['html'][:200] for node in one['nodes']]}" for one in found]

    def _hear(self, method: str, values: dict[str, Any]) -> None:
        if method == "Network.requestWillBeSent":
            self.requests.append(values["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.problems.append(json.dumps(values["exceptionDetails"])[:500])
        elif method == "Log.entryAdded" and values["entry"]["level"] == "error":
            self.problems.append(f"{values['entry']['text']} {values['entry'].get('url', '')}")


class _Pipe:
    """Messages to and from the browser: JSON, with a NUL after each."""

    def __init__(self, reading: int, writing: int) -> None:
        self._reading, self._writing = reading, writing
        self._number = 0
        self._rest = b""
        self.heard: dict[str, Any] = {}

    def call(self, method: str, parameters: dict[str, Any], session: str | None = None) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        data = json.dumps(message | ({"sessionId": session} if session else {})).encode() + b"\0"
        while data:
            data = data[os.write(self._writing, data) :]
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                result: dict[str, Any] = answer["result"]
                return result
            if (hear := self.heard.get(answer.get("sessionId", ""))) is not None and "method" in answer:
                hear(answer["method"], answer.get("params", {}))

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            assert select.select([self._reading], [], [], 30)[0], "the browser says nothing"
            more = os.read(self._reading, 1 << 20)
            assert more, "the browser has ended"
            self._rest += more
        line, _, self._rest = self._rest.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        return message


@contextmanager
def chromium(folder: Path) -> Iterator[Page]:
    """A tab of a browser of its own, whose profile is in *folder*."""
    program = shutil.which("chromium")
    assert program is not None, "tools/install-system-packages installs chromium"
    # The browser reads 3 and writes 4: ours must be none of these while bash moves them.
    (their_in, our_out), (our_in, their_out) = (tuple(map(_high, os.pipe())) for _ in range(2))
    command = [program, *_FLAGS, f"--user-data-dir={folder}", "--remote-debugging-pipe", "about:blank"]
    process = subprocess.Popen(
        ["bash", "-c", f'exec "$@" 3<&{their_in} 4>&{their_out} {their_in}<&- {their_out}>&-', "bash", *command],
        pass_fds=(their_in, their_out),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(their_in)
    os.close(their_out)
    pipe = _Pipe(our_in, our_out)
    try:
        yield Page(pipe)
        pipe.call("Browser.close", {})
        process.wait(10)
    finally:
        os.close(our_in)
        os.close(our_out)
        process.kill()
        process.wait()


def _high(descriptor: int) -> int:
    """The same under a number from 10 on."""
    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(descriptor)
    return moved


def axe_core() -> str:
    """The source of axe-core, fetched once."""
    file = _CACHE / "axe.min.js"
    if not file.exists():
        _CACHE.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*command, "--dest", str(_CACHE), _WHEEL], check=True, timeout=60)
        with zipfile.ZipFile(next(_CACHE.glob("*.whl"))) as wheel:
            data = wheel.read("axe_playwright_python/axe.min.js")
        part = file.with_suffix(f".{os.getpid()}")  # another worker may be at it, too
        part.write_bytes(data)
        part.replace(file)
    return file.read_text(encoding="utf-8")
