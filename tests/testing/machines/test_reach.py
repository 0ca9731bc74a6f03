"""Simulated machines send to what was told, whatever an offer names."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest

from pixiecore_core.testing.machines.reach import Reach, told


def test_only_what_was_told() -> None:
    networks, names = told(["198.51.100.0/24", "203.0.113.7", "mirror.example"])
    reach = Reach(IPv4Address("192.0.2.9"), (IPv4Network("192.0.2.0/24"), *networks), names)
    for host in ("192.0.2.1", "198.51.100.9", "203.0.113.7", "mirror.example"):
        assert reach.problem_with(host) == ""
    assert reach.problem_with("203.0.113.8") == "203.0.113.8 is outside of what was told: --also 203.0.113.8"
    assert reach.problem_with("www.example") == "www.example is a name, and was not told: --also www.example"


@pytest.mark.parametrize("wrong", ["", "1.2.3", "1.2.3.4/99", "a/b"])
def test_what_is_neither_network_nor_name(wrong: str) -> None:
    with pytest.raises(ValueError, match="is no network"):
        told([wrong])
