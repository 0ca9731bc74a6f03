"""How relays are named, and what is said of what is no name of one."""

from __future__ import annotations

from ipaddress import IPv4Network

import pytest

from pixiecore_core.errors import ConfigError
from pixiecore_core.settings.layers import Layers
from pixiecore_core.settings.trust import TrustSettings


def test_a_relay_is_named_by_its_address_or_by_its_network() -> None:
    settings = Layers(table={"trust_relay": ["192.0.2.1", " 10.7.0.0/16 "]}).resolve(TrustSettings)
    assert settings.trust_relay == [IPv4Network("192.0.2.1/32"), IPv4Network("10.7.0.0/16")]
    assert TrustSettings().trust_relay == [], "nobody is trusted unasked"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("relay.example", "give an address, such as 192.0.2.1, or a network"),
        ("10.7.3.1/16", "is an address in a network; give 10.7.3.1 or 10.7.0.0/16"),
        ("10.7.0.0/33", "give an address"),
        ("2001:db8::1", "give an address"),
        ("", "give an address"),
    ],
)
def test_what_is_neither_is_named_with_the_mend(given: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        Layers({"trust_relay": [given]}).resolve(TrustSettings)
    assert caught.value.option == "--trust-relay"
