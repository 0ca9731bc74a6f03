"""Sealed references: only ours open, and they open to what was sealed."""

from __future__ import annotations

import base64
from ipaddress import IPv4Address, IPv4Network

from hypothesis import given
from hypothesis import strategies as st

from pixiecore_core.boot.tokens import KEY_BYTES, Origin, Sealed, Sealer
from pixiecore_core.models import FileRef

MAC = "52:54:00:12:34:56"
KERNEL = Sealed(ref=FileRef(location="/boot/vmlinuz"), mac=MAC, purpose="kernel")
SEALER = Sealer()
NOW = 1_800_000_000.0


def test_what_was_sealed_comes_back() -> None:
    assert SEALER.open(SEALER.seal(KERNEL), NOW) == KERNEL
    assert SEALER.open_page(SEALER.seal_page(MAC, "/done", None), "/done", NOW) == MAC
    assert SEALER.open_page(SEALER.seal_page(MAC, "/done", None), "/other", NOW) is None
    lasting = SEALER.seal_page(MAC, "/done", int(NOW) + 60)
    assert SEALER.open_page(lasting, "/done", NOW) == MAC
    assert SEALER.open_page(lasting, "/done", NOW + 120) is None


def test_everything_about_the_file_comes_back() -> None:
    ref = FileRef(location="/boot/vmlinuz", sha256="AB" * 32, root="/boot")
    sealed = Sealed(ref=ref, mac=MAC, purpose="file", expires=int(NOW))
    assert SEALER.open(SEALER.seal(sealed), NOW) == sealed
    assert sealed.ref.sha256 == "ab" * 32


def test_an_expired_token_does_not_open() -> None:
    token = SEALER.seal(KERNEL.model_copy(update={"expires": int(NOW)}))
    assert SEALER.open(token, NOW) is not None
    assert SEALER.open(token, NOW + 1) is None


def test_a_token_tells_nothing_but_that_it_is_the_same() -> None:
    token = SEALER.seal(KERNEL)
    assert token == SEALER.seal(KERNEL), "or a signed file would be signed anew for each request"
    other = SEALER.seal(KERNEL.model_copy(update={"mac": "52:54:00:12:34:57"}))
    nonces = [base64.urlsafe_b64decode(one + "==")[:24] for one in (token, other, Sealer().seal(KERNEL))]
    assert len(set(nonces)) == 3, "a nonce stands for one text under one key"
    assert b"vmlinuz" not in base64.urlsafe_b64decode(token + "==")


def test_a_foreign_token_does_not_open() -> None:
    assert Sealer().open(SEALER.seal(KERNEL), NOW) is None
    assert Sealer(key=bytes(32)).open(Sealer(key=bytes(32)).seal(KERNEL), NOW) == KERNEL


def test_kinds_of_token_cannot_stand_for_each_other() -> None:
    assert SEALER.open(SEALER.seal_page(MAC, "/done", None), NOW) is None
    assert SEALER.open_page(SEALER.seal(KERNEL), "/done", NOW) is None


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_a_changed_byte_spoils_a_token(position: int, change: int) -> None:
    box = bytearray(base64.urlsafe_b64decode(SEALER.seal(KERNEL) + "=="))
    box[position % len(box)] ^= change
    assert SEALER.open(base64.urlsafe_b64encode(box).decode(), NOW) is None


@given(st.text(max_size=300))
def test_no_text_opens_or_raises(token: str) -> None:
    assert SEALER.open(token, NOW) is None
    assert SEALER.open_page(token, "/done", NOW) is None


@given(st.integers(0, 400))
def test_a_cut_token_does_not_open(length: int) -> None:
    token = SEALER.seal(KERNEL)
    assert SEALER.open(token[: min(length, len(token) - 1)], NOW) is None


def test_a_monstrous_token_is_not_even_decoded() -> None:
    assert SEALER.open("A" * (1 << 20), NOW) is None


def test_where_a_machine_asked_from_survives_sealing() -> None:
    origin = Origin(
        mac=MAC,
        interface="eth0",
        subnet=IPv4Network("192.0.2.0/24"),
        relay=IPv4Address("10.0.0.1"),
        attempt="0123456789ab",
    )
    key = bytes(range(KEY_BYTES))
    for one in (origin, Origin(mac=MAC)):
        assert Sealer(key).open_origin(Sealer(key).seal_origin(one)) == one


def test_tokens_of_one_kind_open_as_no_other() -> None:
    sealer = Sealer()
    origin = sealer.seal_origin(Origin(mac=MAC))
    assert sealer.open_page(origin, "/done", NOW) is None
    assert sealer.open(origin, 0) is None
    assert sealer.open_origin(sealer.seal_page(MAC, "/done", None)) is None
    file = sealer.seal(Sealed(ref=FileRef(location="/x"), mac=MAC, purpose="file"))
    assert sealer.open_origin(file) is None
    for odd in ("", "x", "A" * 200, "A" * 20_000, origin[:-2], Sealer().seal_origin(Origin(mac=MAC))):
        assert sealer.open_origin(odd) is None
