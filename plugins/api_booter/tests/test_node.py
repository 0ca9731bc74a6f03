"""A server in another stack, node's http, written from the published contract: lower-case headers, chunked bodies."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator

import pytest
from pixiecore_api_booter import ApiSettings
from pixiecore_api_booter.client import Client

from pixiecore_core import BootSpec, Ignore, Machine

NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="node is not installed")

_SERVER = """
const http = require("http");
const machines = {"52:54:00:12:34:56": {kernel: "/vmlinuz", initrd: ["initrd"], cmdline: {quiet: true, name: "a b"}}};
http.createServer((request, response) => {
  let body = "";
  request.on("data", (part) => (body += part));
  request.on("end", () => {
    const v1 = /^\\/pixie\\/v1\\/boot\\/([0-9a-f:]{17})$/.exec(request.url);
    const mac = v1 ? v1[1] : request.method === "POST" && request.url === "/pixie/v2/boot" ? JSON.parse(body).mac : "";
    if (!(mac in machines)) { response.writeHead(404); return response.end("no such machine"); }
    response.writeHead(200, {"content-type": "application/json"});
    response.write('{"message": ' + JSON.stringify(request.headers["x-pixiecore-serial"] || "none") + ",");
    response.end(JSON.stringify(machines[mac]).slice(1));
  });
}).listen(0, "127.0.0.1", function () { console.log(this.address().port); });
"""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    assert NODE is not None
    process = subprocess.Popen([NODE, "-e", _SERVER], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}/pixie"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize(("version", "message"), [(1, "S-1"), (2, "none")])
def test_an_unchanged_server(url: str, version: int, message: str) -> None:
    client = Client(ApiSettings.model_validate({"url": url, "api_version": version}))
    try:
        answer = client.ask(Machine(mac="52:54:00:12:34:56", serial="S-1"))
        assert isinstance(answer, BootSpec)
        assert answer.kernel is not None
        assert answer.kernel.location == url.replace("/pixie", "/vmlinuz")
        assert answer.initrds[0].location == f"{url}/initrd"
        assert answer.cmdline == 'name="a b" quiet'
        assert answer.message == message
        assert isinstance(client.ask(Machine(mac="52:54:00:00:00:01")), Ignore)
    finally:
        client.close()
