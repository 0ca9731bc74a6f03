"""Signed files: once for each content, kept within the cache's limit, verified by a program that did not make them.

One row of the table is tried for each program that is installed here.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import gevent
import pefile
import pytest

from pixiecore_core.errors import BootFileError
from pixiecore_core.files import signers as signers_module
from pixiecore_core.files import signing as signing_module
from pixiecore_core.files.signers import SIGNERS, Signer, installed
from pixiecore_core.files.signing import SCHEME, Signing
from pixiecore_core.files.signing_key import SigningKey
from pixiecore_core.files.store import Store
from pixiecore_core.models import BootFile
from tests.files.test_cache import read
from tests.keys import pair
from tests.programs import program

PROGRAM = program(sections=[(".text", b"code"), (".linux", bytes(100_000))])


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    key, certificate = pair(tmp_path_factory.mktemp("keys"))
    return SigningKey(key.read_bytes(), certificate.read_bytes())


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "cache", 10_000_000)
    store.prepare()
    yield store
    assert not list(store.folder.glob("parts/*")), "nothing half done is left"


@pytest.fixture(params=SIGNERS, ids=lambda signer: signer.program)
def signing(request: pytest.FixtureRequest, store: Store, key: SigningKey) -> Signing:
    signer: Signer = request.param
    if signer not in installed():
        pytest.skip(f"{signer.program} is not installed: tools/install-system-packages")
    return Signing(store, key, signer)


class Source:
    """Bytes that say whether they were closed, and how often they were read."""

    def __init__(self, data: bytes, fails: bool = False) -> None:
        self.data, self.fails = data, fails
        self.closed = self.reads = 0

    def read_at(self, offset: int, length: int) -> bytes:
        self.reads += 1
        gevent.sleep(0)
        if self.fails:
            raise BootFileError("the kernel has gone")
        return self.data[offset : offset + length]

    def close(self) -> None:
        self.closed += 1


def image(data: bytes = PROGRAM, etag: str = '"one"', fails: bool = False) -> tuple[BootFile, Source]:
    source = Source(data, fails)
    return BootFile(name="linux.efi", size=len(data), etag=etag, source=source), source


def verified(data: bytes, key: SigningKey, folder: Path) -> str:
    """What sbverify says of a file, or where that is missing, osslsigncode."""
    (folder / "signed.efi").write_bytes(data)
    (folder / "cert.pem").write_bytes(key.certificate)
    if shutil.which("sbverify"):
        argv = ["sbverify", "--cert", "cert.pem", "signed.efi"]
    elif shutil.which("osslsigncode"):
        argv = ["osslsigncode", "verify", "-CAfile", "cert.pem", "-in", "signed.efi"]
    else:
        pytest.skip("neither sbverify nor osslsigncode is installed: tools/install-system-packages")
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False)
    return f"{done.returncode} {done.stdout}{done.stderr}"


def test_a_signature_that_another_program_verifies(signing: Signing, key: SigningKey, tmp_path: Path) -> None:
    file, source = image()
    signed = read(signing.sign(file))
    assert source.closed == 1
    assert verified(signed, key, tmp_path).startswith("0 ")
    changed = signed[:0x500] + bytes([signed[0x500] ^ 1]) + signed[0x501:]
    assert not verified(changed, key, tmp_path).startswith("0 "), "a test that cannot fail is none"
    with pefile.PE(data=signed) as pe:
        table = pe.OPTIONAL_HEADER.DATA_DIRECTORY[4]
        assert table.VirtualAddress + table.Size == len(signed)
        assert table.VirtualAddress >= len(PROGRAM)
        assert pe.sections[1].get_data()[:100_000] == bytes(100_000)


def test_once_for_each_content(signing: Signing) -> None:
    first, again = (signing.sign(image()[0]) for _ in range(2))
    assert first.etag == again.etag != ""
    assert read(first) == read(again)
    file, source = image()
    assert read(signing.sign(file)) == read(signing.sign(image()[0]))
    assert (source.reads, source.closed) == (0, 1), "what is kept is not made again"
    signing.sign(image(etag='"two"')[0]).source.close()
    assert len(signing.store.entries()) == 2
    assert all(entry.url.startswith(SCHEME) for entry, _ in signing.store.entries())


def test_a_content_that_promises_nothing_is_told_by_its_bytes(signing: Signing) -> None:
    other = PROGRAM[:-1] + b"\1"
    signed = [read(signing.sign(image(data, etag="")[0])) for data in (PROGRAM, other, PROGRAM)]
    assert signed[1][len(PROGRAM) - 1] == 1
    assert len(signing.store.entries()) == 2


def test_the_same_bytes_after_the_cache_was_emptied(signing: Signing) -> None:
    if not signing.signer.reproducible:
        pytest.skip(f"{signing.signer.program} puts the time into its signature")
    before = signing.sign(image()[0])
    signing.store.shrink_to(0)
    after = signing.sign(image()[0])
    assert before.etag == after.etag
    assert read(before) == read(after), "and one that is being sent stays whole"


def test_machines_that_ask_at_the_same_time_wait_for_one(signing: Signing) -> None:
    made = [image() for _ in range(8)]
    askers = [gevent.spawn(lambda file=file: read(signing.sign(file))) for file, _ in made]
    gevent.joinall(askers, timeout=20)
    assert len({asker.get() for asker in askers}) == 1
    assert [source.closed for _, source in made] == [1] * 8
    assert sorted(source.reads > 0 for _, source in made) == [False] * 7 + [True]


def test_one_that_goes_away_does_not_take_it_along(signing: Signing) -> None:
    first, second = image(), image()
    leaving, staying = (gevent.spawn(signing.sign, file) for file, _ in (first, second))
    gevent.sleep(0.001)
    leaving.kill()
    read(staying.get(timeout=20))
    assert first[1].closed == second[1].closed == 1


def test_a_source_that_fails_leaves_nothing(signing: Signing) -> None:
    file, source = image(fails=True)
    with pytest.raises(BootFileError, match="the kernel has gone"):
        signing.sign(file)
    assert source.closed == 1
    read(signing.sign(image()[0]))


def test_what_is_no_program_is_told(signing: Signing) -> None:
    with pytest.raises(BootFileError, match=f"{signing.signer.program} ended with status"):
        signing.sign(image(b"no program" * 100)[0])


def test_more_than_the_cache_takes(signing: Signing) -> None:
    signing.store.limit = 50_000
    with pytest.raises(BootFileError, match=r"larger than the cache's limit.*--cache-size"):
        signing.sign(image()[0])


def test_what_is_kept_stays_within_the_limit(signing: Signing) -> None:
    signing.store.limit = 3 * len(PROGRAM) + 200_000
    for number in range(8):
        read(signing.sign(image(etag=f'"{number}"')[0]))
    assert sum(entry.size for entry, _ in signing.store.entries()) <= signing.store.limit


def test_a_signer_that_hangs_is_not_waited_for(
    signing: Signing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signing_module, "_PATIENCE", 0.05)
    monkeypatch.setattr(Signing, "_run", lambda *arguments: gevent.sleep(0.5))
    with pytest.raises(BootFileError, match="still being signed"):
        signing.sign(image()[0])
    gevent.sleep(0.6)


def test_only_so_many_wait(signing: Signing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signing_module, "_WAITING", 3)
    made = [image(etag=f'"{number}"') for number in range(6)]
    askers = [gevent.spawn(signing.sign, file) for file, _ in made]
    gevent.joinall(askers, timeout=20)
    refused = [asker for asker in askers if not asker.successful()]
    assert len(refused) == 3
    assert all("too many are being signed" in str(asker.exception) for asker in refused)
    for asker in askers:
        if asker.successful():
            asker.get().source.close()
    assert [source.closed for _, source in made] == [1] * 6
    signing.sign(image(etag='"0"')[0]).source.close()


def test_it_is_tried_before_any_machine_asks(signing: Signing, tmp_path: Path) -> None:
    stub = tmp_path / "stub"
    stub.write_bytes(program())
    signing.prove(stub)
    stub.write_bytes(b"")
    with pytest.raises(BootFileError, match=signing.signer.program):
        signing.prove(stub)
    assert not signing.store.entries()


def test_a_signer_that_hangs_is_ended_with_all_that_it_has_started(
    tmp_path: Path, key: SigningKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A child of it that holds the pipe would be waited for."""
    monkeypatch.setattr(signers_module, "_PATIENCE", 0.3)
    program = tmp_path / "hangs"
    program.write_text("#!/bin/sh\nsleep 60 &\nsleep 60\n")
    program.chmod(0o755)
    folder = os.open(tmp_path, os.O_RDONLY)
    began = monotonic()
    try:
        with pytest.raises(BootFileError, match=r"did not end within 0\.3 s"):
            signers_module.run(Signer(str(program), "", True, "a trial"), key, folder, folder, "signed")
    finally:
        os.close(folder)
    assert monotonic() - began < 30
