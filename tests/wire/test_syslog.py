"""Syslog on the wire: what the RFCs say, what installers and daemons really send, and what strangers make of it."""

from __future__ import annotations

import socket
import subprocess
from shutil import which

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixiecore_core.wire.syslog import LONGEST, SyslogLine, SyslogStream, parse


@pytest.mark.parametrize(
    ("data", "line"),
    [
        # RFC 3164 section 5.4, the first example.
        (
            b"<34>Oct 11 22:14:15 mymachine su: 'su root' failed for lonvick on /dev/pts/8",
            SyslogLine(2, "su", "'su root' failed for lonvick on /dev/pts/8"),
        ),
        # RFC 5424 section 6.5, examples 1, 2 and 4: with a byte order mark, structured data, and nothing else.
        (
            b"<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - \xef\xbb\xbf'su root' failed",
            SyslogLine(2, "su", "'su root' failed"),
        ),
        (
            b'<165>1 2003-10-11T22:14:15.003Z host evntslog - ID47 [a@32473 b="x\\"]" c="9"][p@1 d="e"] An event',
            SyslogLine(5, "evntslog", "An event"),
        ),
        (b'<165>1 2003-10-11T22:14:15.003Z host evntslog - ID47 [a@1 b="c"]', SyslogLine(5, "evntslog", "")),
        (b"<13>1 - - - - - - hello", SyslogLine(5, "", "hello")),
        # busybox's syslogd -R, as in debian-installer: no host name; a NUL at the end.
        (
            b"<30>Nov 26 11:13:10 main-menu[217]: INFO: Menu item 'netcfg' selected\n\0",
            SyslogLine(6, "main-menu", "INFO: Menu item 'netcfg' selected"),
        ),
        (b"<6>Nov 26 11:13:10 kernel: [    1.5] virtio_net", SyslogLine(6, "kernel", "[ 1.5] virtio_net")),
        # rsyslog's RSYSLOG_TraditionalForwardFormat and RSYSLOG_ForwardFormat.
        (b"<30>Nov  6 01:02:03 db1 systemd[1]: Reached target x.", SyslogLine(6, "systemd", "Reached target x.")),
        (
            b"<30>2026-11-26T11:13:10.123456+01:00 db1 cloud-init[812]: Cloud-init v. 23 finished",
            SyslogLine(6, "cloud-init", "Cloud-init v. 23 finished"),
        ),
        # Without a time, and without anything.
        (b"<11>anaconda: ERR it broke", SyslogLine(3, "anaconda", "ERR it broke")),
        (b"no syslog at all", SyslogLine(5, "", "no syslog at all")),
        (b"<999>x: y", SyslogLine(5, "<999>x", "y")),
        (b"<13>a: \x1b[31mred\x07\ttab\xff", SyslogLine(5, "a", "[31mred tab\N{REPLACEMENT CHARACTER}")),
    ],
)
def test_what_is_sent(data: bytes, line: SyslogLine) -> None:
    assert parse(data) == line


@pytest.mark.parametrize("data", [b"", b"\0", b"<13>", b"<13>\r\n", b"<13>\x01\x02"])
def test_what_says_nothing(data: bytes) -> None:
    assert parse(data) is None


@given(st.binary(max_size=5000) | st.from_regex(rb"<\d{1,4}>1? ?[A-Z][a-z]{2} .*", fullmatch=True))
def test_whatever_comes_is_a_line_or_nothing(data: bytes) -> None:
    line = parse(data)
    if line is not None:
        assert 0 <= line.severity <= 7
        assert len(line.text) <= LONGEST
        assert (line.program + line.text).isprintable()


@given(st.lists(st.binary(min_size=1, max_size=300).filter(lambda line: b"\n" not in line)), st.data())
def test_a_stream_is_the_same_lines_however_it_is_cut(lines: list[bytes], data: st.DataObject) -> None:
    counted = [data.draw(st.booleans()) or line[:1].isdigit() for line in lines]
    whole = b"".join(
        b"%d %s" % (len(line), line) if count else line + b"\n" for line, count in zip(lines, counted, strict=True)
    )
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=5)))
    stream, found = SyslogStream(), []
    for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True):
        found += stream.feed(whole[start:end])
    assert found == lines


@given(st.lists(st.binary(max_size=9000), max_size=4))
def test_a_stream_keeps_little(pieces: list[bytes]) -> None:
    stream = SyslogStream()
    for piece in pieces:
        for line in stream.feed(piece):
            assert len(line) <= LONGEST
        assert len(stream._left) <= LONGEST + 8


def test_a_line_without_an_end_is_cut_and_the_next_one_is_read() -> None:
    stream = SyslogStream()
    lines = list(stream.feed(b"x" * 10_000 + b"\nnext\n"))
    assert [len(line) for line in lines] == [LONGEST, 4]
    assert list(stream.feed(b"9000 " + b"y" * 9000 + b"3 abc"))[-1] == b"abc"


@pytest.mark.skipif(which("logger") is None, reason="util-linux is a judge where it is")
@pytest.mark.parametrize("rfc", ["--rfc3164", "--rfc5424"])
@pytest.mark.parametrize("tcp", [False, True])
def test_what_util_linux_sends(rfc: str, tcp: bool) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(10)
        if tcp:
            server.listen()
        port = str(server.getsockname()[1])
        to = ["--server", "127.0.0.1", "--port", port, "--tcp" if tcp else "--udp"]
        subprocess.run(["logger", rfc, *to, "-p", "daemon.err", "-t", "anna", "it broke: twice"], check=True)
        if tcp:
            connection, _ = server.accept()
            with connection:
                (data,) = SyslogStream().feed(connection.recv(4096))
        else:
            data = server.recv(4096)
    assert parse(data) == SyslogLine(3, "anna", "it broke: twice")
