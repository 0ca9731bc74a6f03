"""Packet filters' rules, as nft and iptables-save really print them, judged for a packet to a port of ours."""

from __future__ import annotations

import json
import os
import re
import subprocess
from contextlib import suppress
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixiecore_core.doctor import firewall, iptables, nft
from pixiecore_core.doctor.rules import Chain, Condition, Probe, Rule, drops

DHCP, TFTP, HTTP = Probe("udp", 67, "eth0"), Probe("udp", 69, "eth0"), Probe("tcp", 80, "eth0")
namespaced = [
    pytest.mark.netns,
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
]

WORDS = ["table", "chain", "rule", "set", "expr", "match", "left", "right", "vmap", "jump", "name", "family"]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["ip", "inet", "@x", "input"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS), inner),
    max_leaves=20,
)
iptables_words = st.sampled_from(
    ["-A", "INPUT", "-p", "udp", "--dport", "67", "!", "-j", "DROP", "-m", ":", "*filter\n"]
)


@given(json_values)
def test_whatever_nft_prints_is_read_or_refused(value: object) -> None:
    for text in (json.dumps(value), json.dumps({"nftables": value})):
        with suppress(ValueError):
            drops(nft.chains_of(text), DHCP)


@given(st.text(max_size=200), st.lists(iptables_words))
def test_whatever_iptables_save_prints_is_read(text: str, words: list[str]) -> None:
    for one in (text, f"*filter\n:INPUT ACCEPT [0:0]\n-A INPUT {text}\n", f"*filter\n:INPUT DROP\n{' '.join(words)}"):
        drops(iptables.chains_of(one), DHCP)


def test_chains_that_lead_to_themselves_end() -> None:
    loop = Chain([Rule((), "jump", "a"), Rule((), "jump", "a")], "accept", True)
    assert drops({"a": loop}, DHCP) == ("no", "")


def test_what_cannot_be_told_is_perhaps() -> None:
    unknown = Condition("other")
    assert drops({"a": Chain([Rule((unknown,), "drop")], "accept", True)}, DHCP)[0] == "perhaps"
    assert drops({"a": Chain([Rule((unknown,), "accept")], "drop", True)}, DHCP)[0] == "perhaps"
    assert drops({"a": Chain([Rule((unknown,), "accept")], "accept", True)}, DHCP)[0] == "no"


Answer = Literal["no", "perhaps", "yes"]
NFT: dict[str, tuple[str, tuple[Answer, Answer, Answer]]] = {
    "nothing": ("", ("no", "no", "no")),
    "an open policy": ("table inet f { chain c { type filter hook input priority 0; policy accept; } }", ("no",) * 3),
    "a closed policy": ("table inet f { chain c { type filter hook input priority 0; policy drop; } }", ("yes",) * 3),
    "a workstation's": (
        "table inet f { chain c { type filter hook input priority 0; policy drop; iif lo accept; "
        "ct state established,related accept; ct state invalid drop; tcp dport { 22, 80-90 } accept; "
        "udp dport 69 accept; } }",
        ("yes", "no", "no"),
    ),
    "a named set, a jump, a map of verdicts": (
        "table inet f { set ports { type inet_service; elements = { 67, 69 }; } "
        "chain udp_in { udp dport @ports accept; } "
        "chain c { type filter hook input priority 0; policy drop; "
        "ct state vmap { established : accept, related : accept, invalid : drop }; "
        'iifname vmap { "lo" : accept, "eth*" : jump udp_in }; } }',
        ("no", "no", "yes"),
    ),
    "by address, which cannot be told": (
        "table ip f { chain c { type filter hook input priority 0; policy drop; ip saddr 192.0.2.0/24 accept; } }",
        ("perhaps",) * 3,
    ),
    "another interface": (
        'table inet f { chain c { type filter hook input priority 0; iifname "wan0" drop; iifname != "eth0" drop; } }',
        ("no",) * 3,
    ),
    "rejected": (
        "table inet f { chain c { type filter hook input priority 0; meta l4proto udp reject; } }",
        ("yes", "yes", "no"),
    ),
    "before": (
        "table ip r { chain c { type filter hook prerouting priority raw; udp dport 67-69 counter drop; } }",
        ("yes", "yes", "no"),
    ),
    "on the way out, and through": (
        "table inet f { chain o { type filter hook output priority 0; policy drop; } "
        "chain f { type filter hook forward priority 0; policy drop; } }",
        ("no",) * 3,
    ),
}
IPTABLES: dict[str, tuple[list[str], tuple[Answer, Answer, Answer]]] = {
    "a closed policy": (["-P INPUT DROP"], ("yes",) * 3),
    "a workstation's": (
        [
            "-P INPUT DROP",
            "-A INPUT -i lo -j ACCEPT",
            "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
            "-A INPUT -p udp -m multiport --dports 67,4011 -j ACCEPT",
            "-A INPUT -p tcp -m tcp --dport 80:90 -j ACCEPT",
        ],
        ("no", "yes", "no"),
    ),
    "a chain of one's own": (
        ["-N MINE", "-A INPUT -i eth+ -j MINE", "-A MINE -p udp ! --dport 67 -j RETURN", "-A MINE -j REJECT"],
        ("yes", "no", "yes"),
    ),
    "by address, which cannot be told": (["-A INPUT -s 192.0.2.0/24 -j DROP"], ("perhaps",) * 3),
    "logged, and dropped": (
        [
            '-A INPUT -p udp -j LOG --log-prefix "it drops: "',
            "-A INPUT -p udp --dport 69 -m comment --comment x -j DROP",
        ],
        ("no", "yes", "no"),
    ),
}


def _in_a_namespace(script: str) -> str:
    done = subprocess.run(["unshare", "--net", "sh", "-ec", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _judged(chains: dict[str, Chain]) -> tuple[str, ...]:
    return tuple(drops(chains, probe)[0] for probe in (DHCP, TFTP, HTTP))


@pytest.mark.netns
@pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")
@pytest.mark.parametrize("name", NFT)
def test_real_rules_of_nftables(name: str) -> None:
    rules, expected = NFT[name]
    lines = re.sub(r"} (?=}|chain|set)", "}\n", rules)  # nft wants a new line where a block ends
    printed = _in_a_namespace(f"nft -f - <<'END'\n{lines}\nEND\nnft -j list ruleset")
    assert _judged(nft.chains_of(printed)) == expected


@pytest.fixture(params=["iptables-nft", "iptables-legacy"])
def iptables_program(request: pytest.FixtureRequest) -> str:
    program: str = request.param
    done = subprocess.run(["unshare", "--net", f"{program}-save"], capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"{program} does not work here")
    return program


@pytest.mark.netns
@pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")
@pytest.mark.parametrize("name", IPTABLES)
def test_real_rules_of_iptables(name: str, iptables_program: str) -> None:
    rules, expected = IPTABLES[name]
    script = "\n".join(f"{iptables_program} {rule}" for rule in rules)
    printed = _in_a_namespace(f"{script}\n{iptables_program}-save\necho ----\nnft -j list ruleset")
    saved, _, listed = printed.partition("----\n")
    assert _judged(iptables.chains_of(saved)) == expected
    found = list(firewall.check([DHCP, TFTP, HTTP], lambda command: listed if command[0] == "nft" else saved))
    told = [one for one in found if one.status != "ok"]
    assert len(told) == 3 - expected.count("no"), "told once, whether or not they are kept in nftables"
    assert all(one.what.startswith("iptables ") for one in told)


def test_findings_name_the_mend_of_whoever_made_the_rules() -> None:
    closed = '{"nftables": [{"chain": {"family": "inet", "table": "%s", "name": "filter_INPUT", "type": "filter", '
    closed += '"hook": "input", "policy": "drop"}}]}'
    for table, mend in {
        "firewalld": "firewall-cmd --permanent --add-port=67/udp && firewall-cmd --reload",
        "mine": "nft insert rule inet mine filter_INPUT iifname eth0 udp dport 67 accept",
    }.items():
        (found,) = firewall.check([DHCP], lambda command, table=table: closed % table if command[0] == "nft" else None)
        assert (found.status, found.mend) == ("broken", (mend,))
        assert "drops what comes to UDP port 67 on eth0" in found.what


def test_rules_that_cannot_be_seen_are_said_so() -> None:
    def read(command: list[str]) -> str | None:
        if command[0] == "nft":
            raise OSError("Operation not permitted (you must be root)")
        return None

    (found,) = firewall.check([DHCP], read)
    assert found.status == "warning"
    assert "nftables cannot be seen: Operation not permitted" in found.what
