"""What the lab reads out of a serial line."""

from __future__ import annotations

from .boot import plain, read_facts


def test_plain_drops_what_paints_the_screen() -> None:
    painted = "\x1b[2J\x1b[01;01H\x1b[=3h>>Start PXE\x1b[0m over IPv4.\r\n\x1b[?7lLAB done\r\n"
    assert plain(painted) == ">>Start PXE over IPv4.\nLAB done\n"


def test_facts_are_what_linux_said() -> None:
    said = ["machine x86_64 EFI", "cmdline initrd=initrd0 quiet a=b", f"fetched 12 {'0f' * 32}", "done"]
    serial = "iPXE...\n" + "".join(f"LAB {fact}\n" for fact in said)
    facts = read_facts(serial, seconds=1.5)
    assert (facts.architecture, facts.firmware, facts.cmdline) == ("x86_64", "EFI", "initrd=initrd0 quiet a=b")
    assert (facts.fetched_size, facts.fetched_sha256) == (12, "0f" * 32)


def test_a_file_that_was_not_fetched_is_a_fact_too() -> None:
    assert read_facts("LAB machine i686 BIOS\nLAB cmdline quiet\nLAB done\n", seconds=1).fetched_size is None
