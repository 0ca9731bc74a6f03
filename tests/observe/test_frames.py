"""What was said last with a machine: kept in bounds, picked from real listeners, and made a capture without secrets."""

from __future__ import annotations

import io
import json
import subprocess
from ipaddress import IPv4Address
from pathlib import Path

import gevent
from gevent.threadpool import ThreadPool
from hypothesis import given
from hypothesis import strategies as st

from pixiecore_core.hidden import blanked
from pixiecore_core.net.http import HttpServer
from pixiecore_core.net.tftp import TftpFile, TftpServer
from pixiecore_core.observe.frame_capture import capture
from pixiecore_core.observe.frames import LONGEST, PER_MACHINE, LastFrames
from pixiecore_core.wire import dhcp4, pcap
from pixiecore_core.wire.frames import Datagram, Said, decode
from pixiecore_core.wire.http_heads import Body, Head
from tests.messages import HTTP_IPXE, message

MAC = "52:54:00:12:34:56"
HARDWARE = bytes.fromhex(MAC.replace(":", ""))
OURS, THEIRS = ("192.0.2.2", 69), ("192.0.2.77", 2070)
DISCOVER = dhcp4.serialize(message(HTTP_IPXE))
TOKEN = "Zm9vYmFyYmF6cXV4" * 5


def _decoded(data: bytes) -> list[Datagram | Said]:
    return list(decode(pcap.read(io.BytesIO(data))))


def test_of_each_machine_only_the_last_are_kept() -> None:
    frames = LastFrames()
    for number in range(PER_MACHINE + 10):
        frames.dhcp(HARDWARE, False, OURS, THEIRS, bytes([number]) * 2000)
    kept = frames.of_hardware(HARDWARE)
    assert [one.data[0] for one in kept] == list(range(10, PER_MACHINE + 10))
    assert {(len(one.data), one.length) for one in kept} == {(LONGEST, 2000)}


def test_the_machine_that_was_silent_longest_is_forgotten_first() -> None:
    frames = LastFrames(most_bytes=10_100)
    for number in range(3):
        frames.udp(False, OURS, (f"192.0.2.{number}", 1), b"x" * 1400)
    frames.udp(False, OURS, ("192.0.2.0", 1), b"again")
    for number in range(3, 7):
        frames.udp(False, OURS, (f"192.0.2.{number}", 1), b"x" * 1400)
    assert list(frames.by_address()) == ["192.0.2.0", "192.0.2.3", "192.0.2.4", "192.0.2.5", "192.0.2.6"]


def test_in_a_flood_the_last_ones_stay() -> None:
    now = 1_000_000_000
    frames = LastFrames(clock=lambda: now)
    for number in range(20_000):
        frames.dhcp(number.to_bytes(6, "big"), False, OURS, THEIRS, b"x")
        assert len(frames._new) <= 1024
    for number in (0, 511, 19_600, 19_999):  # those before the first pause, and those after the last loss
        assert len(frames.of_hardware(number.to_bytes(6, "big"))) == 1
    assert frames.of_hardware((10_000).to_bytes(6, "big")) == []
    now += 1_000_000_000
    for number in range(20_000, 20_600):
        frames.dhcp(number.to_bytes(6, "big"), False, OURS, THEIRS, b"x")
    assert len(frames._new) < 512


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 3000)), max_size=300))
def test_all_together_stay_within_their_bound(said: list[tuple[int, int]]) -> None:
    frames = LastFrames(most_bytes=20_000)
    for who, size in said:
        frames.dhcp(bytes([who]) * 6, True, OURS, THEIRS, bytes(size))
    kept = [one for who in range(21) for one in frames.of_hardware(bytes([who]) * 6)]
    assert sum(len(one.data) + 500 for one in kept) == frames._bytes <= 20_000


def test_a_capture_joins_what_a_machine_said_by_dhcp_tftp_and_http() -> None:
    frames = LastFrames(clock=iter(range(1, 100)).__next__)
    nobody, everybody = (IPv4Address(0), 68), (IPv4Address("255.255.255.255"), 67)
    frames.dhcp(HARDWARE, False, everybody, nobody, DISCOVER)
    frames.dhcp(b"other.", False, everybody, nobody, DISCOVER)
    frames.udp(False, OURS, THEIRS, f"\0\1{MAC}/bios/undionly.kpxe\0octet\0".encode())
    frames.udp(False, OURS, ("192.0.2.99", 5), b"\0\1other\0octet\0")
    web = ("192.0.2.2", 80)
    frames.tcp(False, web, ("192.0.2.88", 5), f"GET /_/ipxe?mac={MAC.replace(':', '%3A')} HTTP/1.1\r\n\r\n".encode())
    frames.tcp(True, web, ("192.0.2.88", 5), b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", 100_000)
    discover, read, asked, answered, body = _decoded(capture(frames, MAC))
    assert isinstance(discover, Datagram)
    assert isinstance(read, Datagram)
    assert dhcp4.parse(discover.packet.data).chaddr == HARDWARE
    assert (discover.source, discover.destination) == (MAC, "ff:ff:ff:ff:ff:ff")
    assert read.packet.source == IPv4Address("192.0.2.77")
    assert [one.what.method for one in (asked,) if isinstance(one, Said) and isinstance(one.what, Head)] == ["GET"]
    assert isinstance(answered, Said)
    assert isinstance(body, Said)
    assert isinstance(body.what, Body)
    assert body.what.promised == 100_000
    assert body.what.missing == body.what.size < 65_536  # as much as one packet can have had
    assert not body.what.complete


def test_of_nobody_there_is_an_empty_capture() -> None:
    assert _decoded(capture(LastFrames(), MAC)) == []


SECRETS = [
    (f"GET /_/file?name={TOKEN}&mac=x HTTP/1.1\r\n", TOKEN),
    (f"http://192.0.2.2/_/ipxe/{TOKEN}", TOKEN),
    (f"GET /_/folder/{TOKEN}/user-data HTTP/1.1\r\n", TOKEN),
    ("GET / HTTP/1.1\r\nAuthorization: Bearer hunter2hunter2\r\n", "hunter2hunter2"),
    ("GET / HTTP/1.1\r\nX-Api-Key: hunter2\r\n\r\n", "hunter2"),
    ("GET /a?password=hunter2&b=c HTTP/1.1\r\n", "hunter2"),
    ("kernel http://root:hunter2@192.0.2.9/vmlinuz", "hunter2"),
    ("linux x quiet inst.password=hunter2 y", "hunter2"),
]


def test_secrets_are_blanked_and_lengths_stay() -> None:
    for text, secret in SECRETS:
        clean = blanked(text.encode())
        assert len(clean) == len(text)
        assert secret.encode() not in clean
        assert b"*" * 6 in clean
    plain = b"GET /_/ipxe?mac=52:54:00:12:34:56&arch=0 HTTP/1.1\r\nHost: 192.0.2.2\r\nUser-Agent: iPXE\r\n\r\n"
    assert blanked(plain) == plain
    assert blanked(DISCOVER) == DISCOVER


@given(st.binary(max_size=400))
def test_blanking_never_changes_a_length(data: bytes) -> None:
    assert len(blanked(data)) == len(data)
    assert blanked(blanked(data)) == blanked(data)


def test_a_capture_of_real_transfers_has_no_secret_and_whole_checksums(tmp_path: Path) -> None:
    frames = LastFrames()
    content = bytes(range(256)) * 20

    def application(environ: dict[str, object], start_response: object) -> list[bytes]:
        start_response("200 OK", [("Content-Length", "5")])  # type: ignore[operator]
        return [b"hello"]

    tftp = TftpServer(
        "127.0.0.1",
        0,
        open_file=lambda name, client, local: TftpFile(
            len(content), lambda offset, length: content[offset : offset + length], lambda: None
        ),
        on_datagram=frames.udp,
    )
    http = HttpServer("127.0.0.1", 0, application, on_head=frames.tcp)
    http.bind()
    tftp.start()
    http.start()
    try:
        urls = [f"tftp://127.0.0.1:{tftp.port}/{MAC}/bios/x", f"http://127.0.0.1:{http.port}/_/file?name={TOKEN}"]
        for url in urls:
            command = ["curl", "--silent", "--fail", "--output", "/dev/null", "--user-agent", "x", url]
            ThreadPool(1).apply(subprocess.run, (command,), {"check": True, "timeout": 10})
        gevent.sleep(0.05)
    finally:
        tftp.stop(1)
        http.stop(1)
    assert TOKEN.encode() in capture(frames, MAC, raw=True)
    file = tmp_path / "machine.pcap"
    file.write_bytes(capture(frames, MAC))
    assert TOKEN.encode() not in file.read_bytes()
    command = ["tshark", "-r", str(file), "-T", "json", "-d", f"udp.port=={tftp.port},tftp"]
    command += ["-o", "udp.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE"]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "checksum.bad" not in shown
    layers = [packet["_source"]["layers"] for packet in json.loads(shown)]
    opcodes = [int(packet["tftp"]["tftp.opcode"]) for packet in layers if "tftp" in packet]
    assert opcodes[:3] == [1, 6, 4]  # request, OACK, its acknowledgement
    assert opcodes[-2:] == [3, 4]  # the last block, its acknowledgement
    assert len(opcodes) < 10  # of eleven blocks
    web = [packet for packet in layers if "http" in packet]
    assert len(web) == 2
    said = [one.what for one in _decoded(file.read_bytes()) if isinstance(one, Said)]
    assert [one.status for one in said if isinstance(one, Head)] == [0, 200]
    assert [(one.size, one.missing) for one in said if isinstance(one, Body)] == [(5, 5)]
