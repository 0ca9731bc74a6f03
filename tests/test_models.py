"""What the models accept, and how they say no."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from pixiecore_core import BootFile, BootSpec, FileRef, Ignore, Machine


@pytest.mark.parametrize("text", ["52:54:00:AB:cd:EF", "52-54-00-ab-cd-ef", " 52:54:00:ab:cd:ef "])
def test_mac_addresses_take_one_form(text: str) -> None:
    assert Machine(mac=text).mac == "52:54:00:ab:cd:ef"


@pytest.mark.parametrize("text", ["", "52:54", "52:54:00:12:34:5g", "525400123456", "52:54:00:12:34:56:78"])
def test_other_text_is_no_mac_address(text: str) -> None:
    with pytest.raises(ValidationError, match="is not a MAC address"):
        Machine(mac=text)


@pytest.mark.parametrize(
    ("location", "name", "is_url"),
    [
        ("/boot/vmlinuz", "vmlinuz", False),
        ("http://host/a/vmlinuz?x=/y", "vmlinuz", True),
        ("HTTPS://host/", "HTTPS://host/", True),
        ("/odd/name?with#signs", "name?with#signs", False),
    ],
)
def test_file_references(location: str, name: str, is_url: bool) -> None:
    ref = FileRef(location=location)
    assert (ref.name, ref.is_url) == (name, is_url)


@pytest.mark.parametrize(
    "location", ["vmlinuz", "", "ftp://host/x", "file:///etc/passwd", "http://", "http://h:abc/x", "http://[::1/x"]
)
def test_unusable_file_references(location: str) -> None:
    with pytest.raises(ValidationError):
        FileRef(location=location)


def test_a_reference_can_pin_its_bytes() -> None:
    digest = "0F" * 32
    ref = FileRef.from_text(f"http://host/vmlinuz#sha256={digest}")
    assert (ref.location, ref.sha256) == ("http://host/vmlinuz", digest.lower())
    assert FileRef.from_text("/boot/a#b=1").location == "/boot/a#b=1"
    for mistake in ("#sha256=1", f"#SHA256={digest}", f"#sha512={digest}", f"#sha256={digest}0"):
        with pytest.raises(ValueError, match="a pin is #sha256= and 64 hex digits"):
            FileRef.from_text("http://host/vmlinuz" + mistake)
    with pytest.raises(ValidationError):
        FileRef(location="/x", sha256="1234")


def test_a_spec_needs_something_to_boot() -> None:
    with pytest.raises(ValidationError, match="needs a kernel, an efi program or an ipxe_script"):
        BootSpec(cmdline="quiet")
    assert BootSpec(ipxe_script="#!ipxe\n").kernel is None
    program = FileRef(location="/memtest.efi")
    assert BootSpec(efi=program).kernel is None
    for more in ({"kernel": program}, {"initrds": (program,)}):
        with pytest.raises(ValidationError, match="takes the place of a kernel"):
            BootSpec.model_validate({"efi": program, **more})


def test_models_are_frozen_and_know_their_fields() -> None:
    ignore = Ignore(reason="no")
    with pytest.raises(ValidationError, match="frozen"):
        ignore.reason = "yes"  # type: ignore[misc]
    with pytest.raises(ValidationError, match="Extra inputs"):
        Ignore(reason="no", colour="red")  # type: ignore[call-arg]
    with pytest.raises(ValidationError, match="at least 1 character"):
        Ignore(reason="")


def test_a_boot_file_needs_a_real_source() -> None:
    with pytest.raises(ValidationError, match="ByteSource"):
        BootFile(name="x", size=1, source=object())  # type: ignore[arg-type]


def test_a_plugin_may_have_files_of_its_own() -> None:
    ref = FileRef(location="inventory:mac=52:54/user-data")
    assert (ref.is_url, ref.is_on_disk, ref.name) == (False, False, "user-data")
    with pytest.raises(ValueError, match="neither an absolute path nor"):
        FileRef.from_text("inventory:what-a-person-writes")


@pytest.mark.parametrize(
    ("folder", "name", "location", "root"),
    [
        ("/srv/seed/", "user-data", "/srv/seed/user-data", "/srv/seed/"),
        ("/srv/seed/", "a/b", "/srv/seed/a/b", "/srv/seed/"),
        ("http://host/seed/", "a b?#", "http://host/seed/a%20b%3F%23", None),
        ("plugin:x/", "user-data", "plugin:x/user-data", None),
    ],
)
def test_a_folder_stands_for_the_files_below_it(folder: str, name: str, location: str, root: str | None) -> None:
    inside = FileRef(location=folder).inside(name)
    assert (inside.location, inside.root) == (location, root)


@pytest.mark.parametrize("name", ["", "/etc/passwd", "../x", "a/../../x", "a//b", ".", "a/", "a\0b", "a\nb"])
def test_no_name_leads_out_of_a_folder(name: str) -> None:
    with pytest.raises(ValueError, match="is not a file in a folder"):
        FileRef(location="/srv/seed/").inside(name)


def test_what_is_no_folder() -> None:
    for location in ("/srv/seed", "http://host/x", "http://host/x?a=/"):
        assert not FileRef(location=location).is_folder
        with pytest.raises(ValueError, match="is not a file in a folder"):
            FileRef(location=location).inside("user-data")
    assert not FileRef(location="http://host/x/", sha256="0" * 64).is_folder


def test_a_boot_file_can_be_made_from_bytes() -> None:
    file = BootFile.from_bytes("user-data", b"#cloud-config")
    assert (file.name, file.size, file.source.read_at(1, 5)) == ("user-data", 13, b"cloud")
    assert file.source.read_at(13, 5) == b""
    assert file.etag == BootFile.from_bytes("x", b"#cloud-config").etag != BootFile.from_bytes("x", b"").etag
