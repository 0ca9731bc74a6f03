"""The TFTP client without a socket: against our own server's transfers, and against anything."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixiecore_core.testing.machines.tftp_download import Download
from pixiecore_core.wire.tftp import Ack, Data, Error, ErrorCode, OptionAck, ReadRequest, parse, serialize


def download(options: tuple[tuple[str, str], ...], probe: bool = False) -> tuple[Download, bytearray]:
    got = bytearray()
    return Download("a/b", options, got.extend, probe), got


def test_a_file_in_windows() -> None:
    client, got = download((("tsize", "0"), ("blksize", "8"), ("windowsize", "2")))
    request = parse(client.again())
    assert isinstance(request, ReadRequest)
    assert (request.name, request.mode) == ("a/b", "octet")
    granted = (("tsize", "20"), ("blksize", "8"), ("windowsize", "2"))
    assert client.receive(serialize(OptionAck(granted))) == serialize(Ack(0))
    assert client.size == 20
    assert client.receive(serialize(Data(1, b"12345678"))) is None
    assert client.receive(serialize(Data(2, b"12345678"))) == serialize(Ack(2))
    assert client.receive(serialize(Data(3, b"1234"))) == serialize(Ack(3))
    assert (client.done, client.problem, bytes(got)) == (True, "", b"12345678123456781234")


def test_a_gap_is_told_once_and_filled() -> None:
    client, got = download((("blksize", "8"), ("windowsize", "4")))
    client.receive(serialize(OptionAck((("blksize", "8"), ("windowsize", "4")))))
    client.receive(serialize(Data(1, b"12345678")))
    assert client.receive(serialize(Data(3, b"12345678"))) == serialize(Ack(1))
    assert client.receive(serialize(Data(4, b"12345678"))) is None
    assert client.again() == serialize(Ack(1))
    client.receive(serialize(Data(2, b"x")))
    assert bytes(got) == b"12345678x"


def test_a_server_without_options() -> None:
    client, got = download((("blksize", "1468"),))
    assert client.receive(serialize(Data(1, b"x" * 512))) == serialize(Ack(1))
    assert client.receive(serialize(Data(2, b""))) == serialize(Ack(2))
    assert (client.done, len(got)) == (True, 512)


def test_a_probe_asks_for_the_size_and_breaks_off_as_edk2_does() -> None:
    client, got = download((("tsize", "0"), ("blksize", "1468")), probe=True)
    answer = parse(client.receive(serialize(OptionAck((("tsize", "4711"),)))) or b"")
    assert answer == Error(ErrorCode.OPTION_REFUSED, "User aborted the transfer")
    assert (client.done, client.size, bytes(got)) == (True, 4711, b"")


def test_the_servers_error_is_told() -> None:
    client, _ = download(())
    assert client.receive(serialize(Error(1, "no such file"))) is None
    assert (client.done, client.problem, client.code) == (True, "no such file", 1)


@pytest.mark.parametrize("granted", [("windowsize", "4"), ("blksize", "much"), ("blksize", "٣")])
def test_what_was_not_asked_for_is_refused(granted: tuple[str, str]) -> None:
    client, _ = download((("blksize", "1468"),))
    data = b"\0\x06" + b"\0".join(part.encode("latin-1", "replace") for part in granted) + b"\0"
    answer = parse(client.receive(data) or b"")
    assert isinstance(answer, Error)
    assert answer.code == ErrorCode.OPTION_REFUSED
    assert client.done


@given(st.lists(st.binary(max_size=40) | st.builds(lambda block: serialize(Data(block, b"1" * 8)), st.integers(0, 9))))
def test_any_datagrams_at_all(datagrams: list[bytes]) -> None:
    client, got = download((("blksize", "8"),))
    for datagram in datagrams:
        if client.done:
            break
        answer = client.receive(datagram)
        assert answer is None or parse(answer)
    assert len(got) <= sum(map(len, datagrams))
