"""The TFTP transfer against a clock and a network that exist only here."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixiecore_core.boot.tftp_negotiation import Agreement, Limits, negotiate, refusal
from pixiecore_core.boot.transfer import (
    PATIENCE,
    SHORTEST_TIMEOUT,
    SHORTEST_WAIT,
    UNANSWERED_PATIENCE,
    Outcome,
    Transfer,
)
from pixiecore_core.wire.tftp import (
    Ack,
    Data,
    Error,
    ErrorCode,
    OptionAck,
    ReadRequest,
    WriteRequest,
    parse,
    serialize,
)

OCTET = ReadRequest("loader.efi", "octet")


def content(size: int) -> bytes:
    """Bytes that are different in every block."""
    return random.Random(size).randbytes(size)


def transfer(size: int, *, now: float = 0.0, limits: Limits | None = None, **options: object) -> Transfer:
    """A transfer of :func:`content`, with options as the client would ask for them."""
    data = content(size)
    asked = tuple((name, str(value)) for name, value in options.items())
    agreement = negotiate(asked, size, limits or Limits())
    return Transfer(size, lambda offset, length: data[offset : offset + length], agreement, now)


def ack(block: int) -> bytes:
    return serialize(Ack(block % 65536))


def blocks(datagrams: list[bytes]) -> list[int]:
    """The numbers of the DATA packets in *datagrams*, all of which must be such."""
    packets = [parse(datagram) for datagram in datagrams]
    assert all(isinstance(packet, Data) for packet in packets)
    return [packet.block for packet in packets if isinstance(packet, Data)]


class TestNegotiation:
    @pytest.mark.parametrize(
        ("asked", "granted"),
        [
            ((), ()),
            ((("tsize", "0"), ("blksize", "1468"), ("windowsize", "4")), "same"),
            ((("blksize", "8"),), "same"),
            ((("blksize", "65464"),), (("blksize", "1468"),)),
            ((("BLKSIZE", "1024"),), "same"),
            ((("windowsize", "65535"),), (("windowsize", "64"),)),
            ((("timeout", "255"),), "same"),
            ((("tsize", "12345"),), (("tsize", "1000"),)),
            ((("multicast", ""), ("rollover", "1"), ("timeout", "2")), (("timeout", "2"),)),
        ],
    )
    def test_an_oack_holds_what_was_asked_for_up_to_our_limits(
        self, asked: tuple[tuple[str, str], ...], granted: object
    ) -> None:
        if granted == "same":
            granted = tuple((name, "1000" if name == "tsize" else value) for name, value in asked)
        assert negotiate(asked, 1000, Limits()).accepted == granted

    def test_the_size_of_an_empty_file_is_not_told(self) -> None:
        """curl 7.88 takes a tsize of 0 for an error."""
        assert negotiate((("tsize", "0"),), 0, Limits()) == Agreement()

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("blksize", "abc"),  # ended tftpy 0.8.7
            ("blksize", "0"),  # never ended with fbtftp 0.5
            ("blksize", "7"),
            ("blksize", "65465"),
            ("blksize", "-1432"),
            ("blksize", " 1432"),
            ("blksize", "1_432"),
            ("blksize", "١٤٣٢"),
            ("blksize", ""),
            ("blksize", "9" * 5000),
            ("windowsize", "0"),
            ("windowsize", "65536"),
            ("timeout", "0"),
            ("timeout", "256"),
            ("tsize", "?"),
        ],
    )
    def test_a_value_that_makes_no_sense_is_as_if_never_sent(self, name: str, value: str) -> None:
        assert negotiate(((name, value),), 1000, Limits()) == Agreement()

    @pytest.mark.parametrize("mode", ["octet", "OCTET", "Octet"])
    def test_octet_in_any_case(self, mode: str) -> None:
        assert refusal(ReadRequest("a", mode)) is None

    @pytest.mark.parametrize("mode", ["netascii", "MAIL", "", "\x1b[2J", "x" * 600])
    def test_other_modes_are_refused_clearly(self, mode: str) -> None:
        refused = refusal(ReadRequest("a", mode))
        assert refused is not None
        assert refused.code == ErrorCode.ILLEGAL_OPERATION
        assert "octet" in refused.message
        assert refused.message.isprintable()

    def test_writing_is_refused(self) -> None:
        assert refusal(WriteRequest("a", "octet")) == Error(2, "files can only be fetched here, not stored")

    def test_a_name_with_dots_is_refused(self) -> None:
        refused = refusal(ReadRequest("../../etc/shadow", "octet"))
        assert refused is not None
        assert refused.code == ErrorCode.ACCESS_VIOLATION


class TestLockStep:
    def test_a_file(self) -> None:
        sending = transfer(1100)
        assert sending.start(0.0) == [serialize(Data(1, content(1100)[:512]))]
        assert sending.receive(ack(1), 0.1) == [serialize(Data(2, content(1100)[512:1024]))]
        assert sending.receive(ack(2), 0.2) == [serialize(Data(3, content(1100)[1024:]))]
        assert sending.receive(ack(3), 0.3) == []
        assert sending.outcome is Outcome.SENT
        assert sending.deadline is None
        assert sending.bytes_acknowledged == 1100

    @pytest.mark.parametrize(("size", "expected"), [(0, 1), (1, 1), (511, 1), (512, 2), (513, 2), (1024, 3)])
    def test_the_last_block_is_short_even_if_empty(self, size: int, expected: int) -> None:
        sending = transfer(size)
        datagrams = sending.start(0.0)
        for number in range(1, expected + 1):
            assert blocks(datagrams) == [number]
            assert (len(datagrams[0]) == 516) is (number < expected)
            datagrams = sending.receive(ack(number), 0.0)
        assert sending.outcome is Outcome.SENT

    def test_block_numbers_wrap_to_zero(self) -> None:
        size = 65_540 * 8 + 3
        sending = transfer(size, blksize=8)
        sending.start(0.0)
        received = bytearray()
        datagrams = sending.receive(ack(0), 0.0)
        for number in range(1, 65_542):
            assert datagrams[0][2:4] == (number % 65536).to_bytes(2, "big")
            received += datagrams[0][4:]
            datagrams = sending.receive(ack(number), 0.0)
        assert sending.outcome is Outcome.SENT
        assert received == content(size)

    def test_the_oack_is_acknowledged_with_block_zero(self) -> None:
        sending = transfer(600, tsize=0, blksize=1000)
        assert sending.start(0.0) == [serialize(OptionAck((("tsize", "600"), ("blksize", "1000"))))]
        assert sending.receive(ack(1), 0.0) == []
        assert blocks(sending.receive(ack(0), 0.0)) == [1]

    def test_old_doubled_and_future_acknowledgements_are_passed_over(self) -> None:
        """RFC 1123 section 4.2.3.1: an answer to each would double the traffic for good."""
        sending = transfer(5000)
        sending.start(0.0)
        sending.receive(ack(1), 0.0)
        sending.receive(ack(2), 0.0)
        deadline = sending.deadline
        for number in (0, 1, 2, 4, 5, 9, 40_000, 65_535):
            assert sending.receive(ack(number), 0.1) == []
        assert sending.deadline == deadline
        assert blocks(sending.receive(ack(3), 0.1)) == [4]

    def test_an_ack_flood_costs_little_and_keeps_nothing_alive(self) -> None:
        sending = transfer(5000)
        sending.start(0.0)
        sending.receive(ack(1), 0.0)
        answers = [sending.receive(ack(1), step * PATIENCE / 9_999) for step in range(10_000)]
        assert sum(map(len, answers)) <= PATIENCE / SHORTEST_WAIT
        assert parse(sending.expire(PATIENCE)[0]) == Error(0, "timeout")

    def test_datagrams_that_are_no_answer_are_passed_over(self) -> None:
        sending = transfer(5000)
        sending.start(0.0)
        for data in (
            b"",
            b"\0",
            b"\0\4",
            b"\0\4\0",
            bytes(600),
            b"\xff" * 600,
            serialize(Data(1, b"")),
            b"\0\1a\0octet\0",
        ):
            assert sending.receive(data, 0.0) == []
        assert sending.outcome is None

    def test_nothing_is_sent_after_the_end(self) -> None:
        sending = transfer(10)
        sending.start(0.0)
        sending.receive(ack(1), 0.0)
        assert sending.receive(ack(1), 1.0) == sending.expire(99.0) == sending.repeat(99.0) == sending.fail("x") == []
        assert sending.outcome is Outcome.SENT


class TestWindow:
    def test_a_window_is_sent_at_once(self) -> None:
        sending = transfer(16 * 10, blksize=16, windowsize=4)
        sending.start(0.0)
        assert blocks(sending.receive(ack(0), 0.0)) == [1, 2, 3, 4]
        assert blocks(sending.receive(ack(4), 0.0)) == [5, 6, 7, 8]
        assert blocks(sending.receive(ack(8), 0.0)) == [9, 10, 11]
        assert sending.receive(ack(11), 0.0) == []
        assert sending.outcome is Outcome.SENT

    def test_an_ack_in_the_middle_restarts_behind_it(self) -> None:
        """RFC 7440 section 4: the client has seen a gap."""
        sending = transfer(16 * 20, blksize=16, windowsize=4)
        sending.start(0.0)
        sending.receive(ack(0), 0.0)
        assert blocks(sending.receive(ack(2), 0.0)) == [3, 4, 5, 6]
        assert sending.receive(ack(2), 0.0) == []
        assert sending.receive(ack(1), 0.0) == []
        assert blocks(sending.receive(ack(6), 0.0)) == [7, 8, 9, 10]

    def test_a_lost_ack_resends_the_window(self) -> None:
        sending = transfer(16 * 20, blksize=16, windowsize=4)
        sending.start(0.0)
        sending.receive(ack(0), 0.0)
        assert sending.deadline is not None
        assert blocks(sending.expire(sending.deadline)) == [1, 2, 3, 4]

    def test_every_datagram_but_the_last_has_the_same_length(self) -> None:
        """What UDP_SEGMENT needs."""
        sending = transfer(16 * 3 + 5, blksize=16, windowsize=8)
        sending.start(0.0)
        assert [len(datagram) for datagram in sending.receive(ack(0), 0.0)] == [20, 20, 20, 9]

    def test_the_window_goes_over_the_wrap(self) -> None:
        sending = transfer(8 * 70_000, blksize=8, windowsize=60)
        sending.start(0.0)
        number, datagrams = 0, sending.receive(ack(0), 0.0)
        while datagrams:
            assert blocks(datagrams) == [(number + step) % 65536 for step in range(1, len(datagrams) + 1)]
            number += len(datagrams)
            datagrams = sending.receive(ack(number), 0.0)
        assert number == 70_001
        assert sending.outcome is Outcome.SENT


class TestTimers:
    def test_back_off_then_giving_up(self) -> None:
        """A client that vanishes."""
        sending = transfer(5000)
        sending.start(0.0)
        sending.receive(ack(1), 0.35)
        times = []
        while sending.deadline is not None:
            now = sending.deadline
            times.append(now)
            datagrams = sending.expire(now)
        assert times == pytest.approx([0.35 + wait for wait in (1.4, 4.2, 9.8, 17.8, 25)])
        assert parse(datagrams[0]) == Error(0, "timeout")
        assert sending.outcome is Outcome.TIMED_OUT
        assert sending.reason == "block 2 of 10: the client did not acknowledge it"

    @pytest.mark.parametrize(
        ("options", "times"),
        [({}, [13]), ({"tsize": 0}, [1.25, 3.75, 13]), ({"timeout": 1}, [1, 3, 13]), ({"timeout": 255}, [13])],
    )
    def test_a_client_that_never_answers_gets_next_to_nothing(
        self, options: dict[str, int], times: list[float]
    ) -> None:
        """It may be a forged address: no block but for a request, no long patience, and nothing at the end."""
        sending = transfer(5000, **options)
        sending.start(0.0)
        looked = []
        while sending.deadline is not None:
            looked.append(sending.deadline)
            datagrams = sending.expire(looked[-1])
        assert looked == times
        assert datagrams == []
        assert sending.outcome is Outcome.TIMED_OUT

    def test_a_first_block_goes_out_once_for_each_request(self) -> None:
        sending = transfer(5000)
        assert blocks(sending.start(0.0)) == [1]
        assert blocks(sending.repeat(1.0)) == [1]
        assert sending.deadline == UNANSWERED_PATIENCE

    @pytest.mark.parametrize("timer", [5.0, 6.0])
    def test_a_first_acknowledgement_that_was_lost_twice_is_waited_for(self, timer: float) -> None:
        """tftp-hpa, U-Boot and curl repeat the acknowledgement by their own timers, not the request."""
        sending = transfer(5000)
        sending.start(0.0)
        assert sending.expire(2 * timer + 0.5) == []
        assert blocks(sending.receive(ack(1), 2 * timer + 0.5)) == [2]

    def test_a_near_client_is_asked_again_sooner(self) -> None:
        sending = transfer(50_000)
        sending.start(0.0)
        sending.receive(ack(1), 0.001)
        assert sending.deadline == pytest.approx(0.101)
        assert blocks(sending.expire(0.101)) == [2]
        assert sending.deadline == pytest.approx(0.301)

    def test_a_far_client_is_given_time(self) -> None:
        """Karn: a round trip of more than the timeout is never measured unless the timeout grows first."""
        sending = transfer(50_000, blksize=512)
        sending.start(0.0)
        now, repeats = 0.0, []
        for number in range(11):
            arrival = now + 1.5
            repeats.append(0)
            while sending.deadline is not None and sending.deadline < arrival:
                sending.expire(sending.deadline)
                repeats[-1] += 1
            now = arrival
            sending.receive(ack(number), now)
        assert repeats[0] == 1
        assert sum(repeats[2:]) == 0

    def test_the_clients_own_timeout_is_used(self) -> None:
        sending = transfer(50_000, timeout=7)
        sending.start(0.0)
        sending.receive(ack(0), 0.0)
        sending.receive(ack(1), 0.001)
        assert sending.deadline == pytest.approx(7.001)

    def test_a_client_that_asks_again_is_answered_before_our_own_patience_ends(self) -> None:
        """As seen of atftp at 5 % loss: it says its last word five times, a second apart, and gives up."""
        sending = transfer(16 * 100, blksize=16, windowsize=4)
        sending.start(0.0)
        now = 0.0
        for block in (0, 4, 8):  # each answer lost on its way twice, which is not a round trip to measure
            now += 2.0
            sending.expire(now)
            now += 0.001
            sending.receive(ack(block), now)
        assert sending.deadline is not None
        assert sending.deadline > now + 4
        asked = [now + second for second in range(1, 6)]
        answers = [sending.receive(ack(8), at) for at in asked]
        assert [blocks(answer) for answer in answers if answer] == [[9, 10, 11, 12]] * len([a for a in answers if a])
        assert sum(map(bool, answers)) >= 1
        assert sending.deadline > asked[-1], "our own timer waits for the answer to what was just sent"

    def test_a_clients_own_wait_is_soon_forgotten(self) -> None:
        """Its first acknowledgement was lost and came again a second later: no round trip, but it looks like one."""
        sending = transfer(16 * 400, blksize=16, windowsize=4)
        sending.start(0.0)
        sending.receive(ack(0), 1.001)
        now = 1.001
        for block in range(4, 40, 4):
            now += 0.001
            sending.receive(ack(block), now)
        assert sending.deadline == pytest.approx(now + SHORTEST_TIMEOUT)

    def test_a_copy_of_an_acknowledgement_is_no_question(self) -> None:
        sending = transfer(5000)
        sending.start(0.0)
        sending.receive(ack(1), 0.001)
        assert sending.receive(ack(1), 0.001 + SHORTEST_WAIT - 0.01) == []
        assert blocks(sending.receive(ack(1), 0.001 + SHORTEST_WAIT)) == [2]
        assert sending.receive(ack(1), 0.001 + SHORTEST_WAIT + 0.4) == [], "just answered"

    def test_before_the_options_are_acknowledged_nothing_can_be_asked_again(self) -> None:
        sending = transfer(5000, tsize=0)
        sending.start(0.0)
        assert sending.receive(ack(65_535), 0.9) == []

    def test_too_early_a_call_does_nothing(self) -> None:
        sending = transfer(5000, tsize=0)
        sending.start(0.0)
        assert sending.expire(0.5) == []
        assert sending.deadline == 1.25

    def test_a_request_that_came_again_gets_the_same_answer(self) -> None:
        sending = transfer(5000, tsize=0)
        assert sending.start(0.0) == sending.repeat(0.0)
        assert not sending.answered
        first = sending.receive(ack(0), 0.0)
        assert sending.answered
        assert sending.repeat(0.0) == first


class TestEndings:
    @pytest.mark.parametrize("code", [8, 0])
    def test_a_size_probe_is_normal(self, code: int) -> None:
        """EDK2 sends 8, Intel's ROMs 0 (FIELD.md, ledger 10)."""
        sending = transfer(5000, tsize=0)
        sending.start(0.0)
        assert sending.receive(serialize(Error(code, "User aborted the transfer")), 0.1) == []
        assert sending.outcome is Outcome.PROBED

    def test_options_refused_by_the_client_are_normal(self) -> None:
        sending = transfer(5000, blksize=100)
        sending.start(0.0)
        sending.receive(serialize(Error(8, "")), 0.1)
        assert sending.outcome is Outcome.PROBED

    def test_an_error_later_is_an_abort(self) -> None:
        sending = transfer(5000, tsize=0)
        sending.start(0.0)
        sending.receive(ack(0), 0.1)
        sending.receive(serialize(Error(3, "disk full")), 0.1)
        assert sending.outcome is Outcome.ABORTED
        assert sending.reason == "the client said: disk full (code 3)"

    def test_our_own_failure_is_told(self) -> None:
        sending = transfer(5000)
        sending.start(0.0)
        assert sending.fail("the file changed") == [serialize(Error(0, "the file changed"))]
        assert (sending.outcome, sending.reason) == (Outcome.FAILED, "the file changed")


class TestStarving:
    def test_bytes_that_come_late(self) -> None:
        data, there = content(100), [40]

        def read_at(offset: int, length: int) -> bytes | None:
            return data[offset : offset + length] if offset + length <= there[0] else None

        sending = Transfer(100, read_at, Agreement(blksize=10, windowsize=6, accepted=(("windowsize", "6"),)), 0.0)
        sending.start(0.0)
        assert blocks(sending.receive(ack(0), 0.0)) == [1, 2, 3, 4]
        assert sending.starved
        there[0] = 55
        assert blocks(sending.resume(1.0)) == [5]
        there[0] = 100
        assert blocks(sending.resume(1.0)) == [6]
        assert not sending.starved
        assert sending.resume(1.0) == []
        assert blocks(sending.receive(ack(6), 1.0)) == [7, 8, 9, 10, 11]

    def test_bytes_that_never_come(self) -> None:
        sending = Transfer(100, lambda offset, length: None, Agreement(accepted=(("tsize", "100"),)), 0.0)
        sending.start(0.0)
        assert sending.receive(ack(0), 0.0) == []
        while sending.deadline is not None:
            datagrams = sending.expire(sending.deadline)
        assert sending.reason == "block 1 of 1: its bytes could not be read in time"
        assert parse(datagrams[0]) == Error(0, "timeout")

    def test_bytes_that_had_been_there_excuse_no_silence(self) -> None:
        """A client that has gone must be given up, however often what it had not acknowledged has to be read again."""
        there = [False]

        def read_at(offset: int, length: int) -> bytes | None:
            there[0] = not there[0]
            return bytes(length) if there[0] else None

        sending = Transfer(1000, read_at, Agreement(blksize=10, windowsize=2, accepted=(("windowsize", "2"),)), 0.0)
        sending.start(0.0)
        assert blocks(sending.receive(ack(0), 0.0)) == [1]
        assert blocks(sending.resume(0.0)) == [2]
        times = []
        while sending.deadline is not None:
            assert len(times) < 50, "it goes on for ever"
            times.append(sending.deadline)
            sending.expire(times[-1])
            sending.resume(times[-1])
        assert sending.outcome is Outcome.TIMED_OUT
        assert times[-1] == PATIENCE

    def test_bytes_that_come_late_excuse_the_silence_before(self) -> None:
        limit = [2]

        def read_at(offset: int, length: int) -> bytes | None:
            return bytes(length) if offset // 10 < limit[0] else None

        sending = Transfer(1000, read_at, Agreement(blksize=10, windowsize=4, accepted=(("windowsize", "4"),)), 0.0)
        sending.start(0.0)
        assert blocks(sending.receive(ack(0), 0.0)) == [1, 2]
        assert blocks(sending.expire(1.0)) == [1, 2]
        limit[0] = 4
        assert blocks(sending.resume(20.0)) == [3, 4]
        assert sending.expire(PATIENCE) != [serialize(Error(0, "timeout"))]
        assert sending.outcome is None


class Network:
    """Loses, doubles, delays and reorders datagrams between a transfer and a client of RFC 7440, in simulated time."""

    def __init__(
        self,
        sending: Transfer,
        seed: int,
        loss: float,
        *,
        copies: int = 1,
        delay: float = 0.001,
        patience: float = 3.0,
        acknowledges_copies: bool = False,
        accident: Callable[[int], int] = lambda number: 1,
    ) -> None:
        """
        :param copies: in which each datagram arrives
        :param delay: one way, seconds
        :param patience: seconds after which the client says its last word again
        :param acknowledges_copies: each block that is not the next one, as EDK2; otherwise once, as RFC 7440 section 4
        :param accident: how often the server's datagram of this number arrives
        """
        self._copies = copies
        self._delay = delay
        self._patience = patience
        self._acknowledges_copies = acknowledges_copies
        self._accident = accident
        self._random = random.Random(seed)
        self._loss = loss
        self._order = count()
        self._arrivals: list[tuple[float, int, bool, bytes]] = []
        self._sending = sending
        self._windowsize = sending.agreement.windowsize
        self._blksize = sending.agreement.blksize
        self._last = b""
        self._speaks_at = 0.0
        self._block = 0
        self._unacknowledged = 0
        self._gap = False
        self.received = bytearray()
        self.finished = False
        self.now = 0.0
        self.datagrams: list[bytes] = []
        """All that were sent, each once."""

    def run(self) -> None:
        self._send(True, self._sending.start(0.0))
        while self._sending.outcome is None:
            events = [at for at in (self._sending.deadline, self._arrivals[0][0] if self._arrivals else None) if at]
            if not self.finished and self._last:
                events.append(self._speaks_at)
            self.now = min(events)
            if self._arrivals and self._arrivals[0][0] <= self.now:
                *_, to_client, data = heapq.heappop(self._arrivals)
                if to_client:
                    self._client(data)
                else:
                    self._send(True, self._sending.receive(data, self.now))
            elif not self.finished and self._last and self._speaks_at <= self.now:
                self._say(self._last)
            else:
                self._send(True, self._sending.expire(self.now))

    def _send(self, to_client: bool, datagrams: list[bytes]) -> None:
        loss, chance = self._loss, self._random.random
        for datagram in datagrams:
            self.datagrams.append(datagram)
            times = self._accident(len(self.datagrams)) if to_client else 1
            for _ in range(self._copies * times + (chance() < loss)):
                if chance() >= loss:
                    delay = self._delay + (chance() * 0.002 if loss else 0.0) + (chance() < loss) * 0.1
                    heapq.heappush(self._arrivals, (self.now + delay, next(self._order), to_client, datagram))

    def _say(self, data: bytes) -> None:
        self._last, self._speaks_at = data, self.now + self._patience
        self._unacknowledged, self._gap = 0, False
        self._send(False, [data])

    def _client(self, data: bytes) -> None:
        packet = parse(data)
        if isinstance(packet, OptionAck) and self._block == 0:
            self._say(ack(0))
        if not isinstance(packet, Data):
            return
        if packet.block != (self._block + 1) % 65536:
            # RFC 7440: tell once where to restart; a lock-step client repeats its last word for a doubled block.
            if self._windowsize == 1 or self._acknowledges_copies or not self._gap:
                self._say(ack(self._block))
                self._gap = True
            return
        if not self.finished:
            self._block += 1
            self._unacknowledged += 1
            self.received += packet.payload
            self.finished = len(packet.payload) < self._blksize
        if self.finished or self._unacknowledged == self._windowsize:
            self._say(ack(self._block))


@settings(max_examples=60, deadline=None)
@given(
    size=st.integers(0, 6000),
    blksize=st.sampled_from([8, 100, 512]),
    windowsize=st.sampled_from([1, 2, 4, 16, 64]),
    loss=st.sampled_from([0.0, 0.01, 0.05, 0.2]),
    seed=st.integers(0, 2**32),
)
def test_a_bad_network_changes_no_byte(size: int, blksize: int, windowsize: int, loss: float, seed: int) -> None:
    sending = transfer(size, blksize=blksize, windowsize=windowsize, tsize=0)
    network = Network(sending, seed, loss)
    network.run()
    # The last acknowledgement may be lost for good: the client has gone by then. And where every fifth datagram is lost
    # each way, so may every try within the patience of 25 s.
    assert sending.outcome in (Outcome.SENT, Outcome.TIMED_OUT)
    assert content(size).startswith(network.received)
    assert network.received == content(size) or loss == 0.2
    if loss == 0.0:
        assert sending.outcome is Outcome.SENT
        number = size // blksize + 1
        assert len(network.datagrams) == 2 + number + -(-number // windowsize)


def test_doubled_datagrams_do_not_double_the_traffic() -> None:
    """The Sorcerer's Apprentice: with each datagram arriving twice, a naive server sends all of the rest twice."""
    sending = transfer(100_000)
    network = Network(sending, 1, loss=0.0, copies=2)
    network.run()
    assert network.received == content(100_000)
    assert blocks([datagram for datagram in network.datagrams if datagram[1] == 3]) == list(range(1, 197))


@pytest.mark.parametrize("windowsize", [1, 4])
@pytest.mark.parametrize("delay", [0.2, 0.3, 0.6, 0.8, 1.4])
def test_doubled_datagrams_over_a_far_network_do_not_double_the_traffic_for_good(delay: float, windowsize: int) -> None:
    """Where a round trip is longer than a client's acknowledgement may wait, until that has been learnt."""
    sending = transfer(100_000, windowsize=windowsize, tsize=0)
    network = Network(sending, 1, loss=0.0, copies=2, delay=delay)
    network.run()
    assert network.received == content(100_000)
    sent = blocks([datagram for datagram in network.datagrams if datagram[1] == 3])
    assert len(sent) - len(set(sent)) <= 4 * windowsize


@pytest.mark.parametrize("windowsize", [1, 4, 64])
@pytest.mark.parametrize(
    ("timeout", "round_trip", "patience"),
    [(None, 0.7, 0.3), (None, 3.9, 0.3), (1, 0.7, 0.3), (1, 0.9, 0.95), (2, 1.1, 1), (2, 1.5, 0.3), (5, 3, 1)],
)
def test_an_impatient_client_far_away_does_not_double_the_traffic_for_good(
    windowsize: int, timeout: int | None, round_trip: float, patience: float
) -> None:
    """It says its last word again before our answer can be there, over a network without a fault."""
    options = {} if timeout is None else {"timeout": timeout}
    sending = transfer(100 * 512 * windowsize, windowsize=windowsize, **options)
    network = Network(sending, 1, loss=0.0, delay=round_trip / 2, patience=patience, acknowledges_copies=True)
    network.run()
    assert sending.outcome is Outcome.SENT
    sent = blocks([datagram for datagram in network.datagrams if datagram[1] == 3])
    assert len(sent) - len(set(sent)) <= 4 * windowsize


@pytest.mark.parametrize("acknowledges_copies", [True, False])
@pytest.mark.parametrize("windowsize", [4, 16, 64])
@pytest.mark.parametrize("arrivals", [0, 2], ids=["lost", "doubled"])
def test_one_accident_costs_a_window_or_two(arrivals: int, windowsize: int, acknowledges_copies: bool) -> None:
    """EDK2 answers each copy, which had the rest of a file sent twice."""
    for number in range(100, 100 + 2 * windowsize):
        sending = transfer(512 * 1000, windowsize=windowsize)
        network = Network(
            sending,
            1,
            loss=0.0,
            acknowledges_copies=acknowledges_copies,
            accident=lambda sent, number=number: arrivals if sent == number else 1,  # type: ignore[misc]
        )
        network.run()
        assert network.received == content(512 * 1000)
        sent = blocks([datagram for datagram in network.datagrams if datagram[1] == 3])
        assert len(sent) - len(set(sent)) <= 2 * windowsize
