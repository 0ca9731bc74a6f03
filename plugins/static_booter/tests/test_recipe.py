"""Recipes as a format: words and cases, mistakes in one's own, and what any text may do to the parsers."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pixiecore_static_booter.catalogue import find, parse
from pixiecore_static_booter.recipe import fill, mirror_url

from pixiecore_core import processor

OWN = """
description = "Ours"
versions = ["1", "2"]
other_versions = '[3-9]'
mirror = "https://mirror.test/ours"
kernel = "{folder}/vmlinuz"
initrd = ["{folder}/initrd-{arch}"]
cmdline = 'repo={installer_mirror} data={{ ID "/srv/data" }} shown=${nothing}'

[architectures]
amd64 = "x64"
aarch64 = "a64"

[words]
folder = "{mirror}/{version}"

[[case]]
versions = ["2"]
words = { folder = "{mirror}/two" }

[[case]]
versions = ["2"]
architectures = ["aarch64"]
firmware = "UEFI"
cmdline = ""
"""


def test_words_and_cases() -> None:
    recipe = parse(OWN)
    assert list(recipe.architectures) == ["x86_64", "arm64"]
    first = recipe.boot("1", "x86_64", "BIOS")
    assert first is not None
    assert first.kernel == "https://mirror.test/ours/1/vmlinuz"
    assert first.initrds == ("https://mirror.test/ours/1/initrd-x64",)
    assert first.cmdline == 'repo=https://mirror.test/ours data={{ ID "/srv/data" }} shown=${nothing}'
    second = recipe.boot("2", "arm64", "UEFI", "http://here/")
    assert second is not None
    assert second.kernel == "http://here/two/vmlinuz"
    assert second.cmdline == ""


def test_versions_that_are_not_listed_are_taken_where_the_recipe_says_so() -> None:
    recipe = parse(OWN)
    assert recipe.check_version("7") == "7"
    with pytest.raises(ValueError, match=r"there is no version '99'; known are 1, 2, others of their form"):
        recipe.check_version("99")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("versions", "version"), "versions: Field required"),
        (('description = "Ours"', ""), "description: Field required"),
        (('"Ours"', "Ours"), "this is not TOML: Invalid value"),
        (("amd64 =", "amd63 ="), "architectures.amd63: there is no architecture 'amd63'; did you mean 'amd64'"),
        (("[3-9]", "["), "other_versions is not a regular expression"),
        (("[3-9]", "(?u)x"), "other_versions is not a regular expression"),
        (("[3-9]", "x{99999999999}"), "other_versions is not a regular expression"),
        (("[3-9]", "(" * 3000), "other_versions is nested too deeply"),
        (('"Ours"', "[" * 3000), "its brackets are nested too deeply"),
        (('"Ours"', "1" * 6000), "a number in it is too long"),
        (('"Ours"', '"Ours"\n"a\\nb" = 1'), r"'a\\nb': Extra inputs"),
        (("{folder}/vmlinuz", "{foldr}/vmlinuz"), "there is no word '{foldr}'; did you mean '{folder}'"),
        (("{folder}/vmlinuz", "vmlinuz"), "kernel: 'vmlinuz' is neither an absolute path nor an http"),
        (("{folder}/vmlinuz", "{folder}/vm linuz"), "white space"),
        (("https://mirror.test/ours", "ftp://mirror.test"), "only http and https"),
        (("https://mirror.test/ours", "https://mirror.test/?a=b"), "is not the http"),
        (("https://mirror.test/ours", "mirror.test"), "mirror: 'mirror.test' is not the http.*mean http://mirror.test"),
        (("folder =", "version ="), "built-in word"),
        (('firmware = "UEFI"', 'firmware = "EFI"'), "case.1.firmware: Input should be 'BIOS' or 'UEFI'"),
        (('versions = ["2"]', 'versions = ["11"]'), "there is no version '11'"),
        (('["aarch64"]', '["riscv64"]'), "this is not for riscv64, only for x86_64 and arm64"),
        (('kernel = "{folder}/vmlinuz"', ""), "version '1' has no kernel"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, change: tuple[str, str], words: str) -> None:
    path = tmp_path / "ours.toml"
    path.write_text(OWN.replace(*change))
    with pytest.raises(ValueError, match=words) as caught:
        find(str(path))
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_other_scripts_digits_are_no_digits() -> None:
    recipe = parse(OWN.replace("[3-9]", r"\d+"))
    assert recipe.check_version("44") == "44"
    with pytest.raises(ValueError, match="there is no version"):
        recipe.check_version("4\N{FULLWIDTH DIGIT FOUR}")


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "ours.toml").write_bytes(b"\xff")
    with pytest.raises(ValueError, match=r"ours\.toml: this is not TOML, which is UTF-8 \(at byte 0\)"):
        find(str(tmp_path / "ours.toml"))


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("mirror.example/debian", "; did you mean http://mirror.example/debian?"),
        ("mirror:8080/{version}/", "; did you mean http://mirror:8080/{version}/?"),
        ("./debian", ""),
        ("http:/debian", ""),
        ("mirror.example/?a=b", ""),
    ],
)
def test_a_mirror_without_its_scheme(text: str, hint: str) -> None:
    with pytest.raises(ValueError, match="is not the http") as caught:
        mirror_url(text, {"version": "1"})
    assert str(caught.value) == f"{text!r} is not the http(s) URL of a folder{hint}"


def test_a_recipe_that_is_not_there() -> None:
    with pytest.raises(ValueError, match="there is no recipe 'debain'; did you mean 'debian'"):
        find("debain")
    with pytest.raises(ValueError, match=r"/nonexistent/ours\.toml cannot be read: No such file"):
        find("/nonexistent/ours.toml")


def test_processors_are_spelled_in_several_ways() -> None:
    assert processor("AMD64") == processor("x86_64") == processor("x64") == "x86_64"
    assert processor("aarch64") == processor("arm64") == "arm64"
    with pytest.raises(ValueError, match="there is no architecture 'amd'; did you mean"):
        processor("amd")


@given(st.text(), st.dictionaries(st.sampled_from(["a", "b", "version"]), st.text()))
def test_words_are_filled_in_or_refused(text: str, words: dict[str, str]) -> None:
    with contextlib.suppress(ValueError):
        assert fill(text, words) == text or "{" in text


@given(st.text(alphabet="xyz/ "), st.text(), st.text(alphabet="xyz/ "))
def test_what_a_word_brings_in_is_not_looked_at_again(before: str, value: str, after: str) -> None:
    assert fill(f"{before}{{a}}{after}{{b}}", {"a": value, "b": "{a}"}) == f"{before}{value}{after}{{a}}"


@given(st.text())
def test_the_command_lines_own_braces_are_let_be(name: str) -> None:
    line = f"{{{{ ID `{name.replace('{', '')}` }}}} ${{net0/mac}}"
    assert fill(line, {"ID": "wrong", "net0": "wrong"}) == line


@given(st.text() | st.text(alphabet="htps:/.[]{}@?#%a1 "))
def test_a_mirror_is_a_url_or_refused(text: str) -> None:
    with contextlib.suppress(ValueError):
        url = mirror_url(text)
        assert url.lower().startswith(("http://", "https://"))
        assert not url.endswith("/")
        assert mirror_url(url) == url


@given(st.text() | st.builds(lambda key, value: f"{key} = {value!r}\n{OWN}", st.text(), st.text()))
def test_any_text_is_a_recipe_or_refused(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert parse(text).versions


@given(st.text())
def test_any_processor_is_known_or_refused(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert processor(processor(text)) == processor(text)
