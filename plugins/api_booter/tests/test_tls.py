"""TLS to the API: a private authority, client certificates, and what goes wrong with them."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pixiecore_api_booter import ApiSettings
from pixiecore_api_booter.client import Client, Down, Outcome

from pixiecore_core import BootSpec, Machine

from .servers import Api, boots, serving

MACHINE = Machine(mac="52:54:00:12:34:56")


def openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, check=True)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ca.pem, and server.pem, client.pem and their keys, signed by it."""
    folder = tmp_path_factory.mktemp("certificates")
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    # Python 3.13 takes no authority that does not say what its key is for.
    usage = ["-addext", "keyUsage=critical,keyCertSign"]
    openssl(folder, "req", "-x509", *new_key, "-subj", "/CN=Test CA", *usage, "-keyout", "ca.key", "-out", "ca.pem")
    for name, extension in (("server", "subjectAltName=IP:127.0.0.1"), ("client", "extendedKeyUsage=clientAuth")):
        (folder / "extensions").write_text(extension)
        openssl(folder, "req", *new_key, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        signing = ["-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"]
        openssl(folder, "x509", *signing, "-extfile", "extensions", "-out", f"{name}.pem")
    both = (folder / "client.key").read_text() + (folder / "client.pem").read_text()
    (folder / "both.pem").write_text(both)
    return folder


@contextmanager
def secure(certificates: Path, ask_client: bool = False) -> Iterator[Api]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates / "server.pem", certificates / "server.key")
    if ask_client:
        context.load_verify_locations(certificates / "ca.pem")
        context.verify_mode = ssl.CERT_REQUIRED
    with serving(boots(kernel="/k"), context) as api:
        yield api


def ask(api: Api, **settings: Any) -> Outcome:
    made = Client(ApiSettings.model_validate({"url": api.url, **settings}))
    try:
        return made.ask(MACHINE)
    finally:
        made.close()


def test_a_private_authority(certificates: Path) -> None:
    with secure(certificates) as api:
        answer = ask(api, api_ca=str(certificates / "ca.pem"))
    assert isinstance(answer, BootSpec)
    assert answer.kernel is not None
    assert answer.kernel.location == f"{api.url}/k"


def test_an_authority_from_the_environment(certificates: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates / "ca.pem"))
    with secure(certificates) as api:
        assert isinstance(ask(api), BootSpec)


def test_the_option_wins_over_the_environment(certificates: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/etc/ssl/certs/ca-certificates.crt")
    with secure(certificates) as api:
        assert isinstance(ask(api, api_ca=str(certificates / "ca.pem")), BootSpec)


def test_an_unknown_authority_is_a_stated_reason(certificates: Path) -> None:
    with secure(certificates) as api:
        answer = ask(api)
    assert isinstance(answer, Down)
    assert "certificate verify failed" in answer.what
    assert not api.asked


@pytest.mark.parametrize("names", [{"api_cert": "client.pem", "api_key": "client.key"}, {"api_cert": "both.pem"}])
def test_a_client_certificate(certificates: Path, names: dict[str, str]) -> None:
    paths = {name: str(certificates / file) for name, file in {"api_ca": "ca.pem", **names}.items()}
    with secure(certificates, ask_client=True) as api:
        assert isinstance(ask(api, **paths), BootSpec)


def test_a_server_that_misses_the_client_certificate(certificates: Path) -> None:
    with secure(certificates, ask_client=True) as api:
        answer = ask(api, api_ca=str(certificates / "ca.pem"))
    assert isinstance(answer, Down)
    assert not api.asked


@pytest.mark.parametrize(
    ("files", "option", "words"),
    [
        ({"api_ca": "server.key"}, "api_ca", "does not hold a certificate in PEM form"),
        ({"api_cert": "client.pem"}, "api_key", "must hold a key without a password that fits"),
        ({"api_cert": "client.pem", "api_key": "server.key"}, "api_key", "server.key must hold a key .* that fits"),
        ({"api_cert": "client.key", "api_key": "client.key"}, "api_key", "that fits the certificate"),
        ({"api_key": "client.key"}, "api_key", "belongs to a certificate; give it with --api-cert"),
        ({"api_cert": "nope.pem", "api_key": "client.key"}, "api_cert", "nope.pem cannot be read: No such file"),
        ({"api_cert": "client.pem", "api_key": "locked.key"}, "api_key", "must hold a key without a password"),
    ],
)
def test_mistakes_are_found_at_start(certificates: Path, files: dict[str, str], option: str, words: str) -> None:
    openssl(certificates, "ec", "-aes128", "-passout", "pass:secret", "-in", "client.key", "-out", "locked.key")
    given = {name: str(certificates / file) for name, file in files.items()}
    with pytest.raises(ValueError, match=words) as caught:
        ApiSettings.model_validate({"url": "https://127.0.0.1", **given})
    assert f"\n{option}\n" in str(caught.value)
