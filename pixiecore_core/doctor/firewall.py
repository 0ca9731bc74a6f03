"""Whether a packet filter keeps machines from our ports: asks nft and iptables-save for their rules, and judges them.

Changes nothing. The rules of a firewall manager, firewalld or ufw, are among these; the mend is in its words.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from pixiecore_core.doctor import iptables, nft
from pixiecore_core.doctor.findings import Finding, ok, warning
from pixiecore_core.doctor.rules import Chain, Probe, drops

NAME = "firewall"
_SECONDS = 2.0
_WAYS: dict[str, tuple[list[str], Callable[[str], dict[str, Chain]]]] = {
    "nftables": (["nft", "-j", "list", "ruleset"], nft.chains_of),
    "iptables": (["iptables-save"], iptables.chains_of),
}
_FOLDERS = "/usr/sbin:/sbin:/usr/bin:/bin"
"""Where the programs are; an ordinary user's PATH lacks the first two."""


def check(probes: Sequence[Probe], read: Callable[[list[str]], str | None] | None = None) -> Iterator[Finding]:
    """One finding for each thing that keeps a machine out, or that all is open.

    :param read: the output of a command; ``None`` where there is no such program
    """
    read = read or _output
    seen: dict[str, dict[str, Chain]] = {}
    clean = True
    for program, (command, parse) in _WAYS.items():
        try:
            text = read(command)
            if text is not None:
                seen[program] = parse(text)
        except (OSError, ValueError) as error:
            clean = False
            why = (str(error).strip() or "no reason given").splitlines()[-1]
            yield warning(NAME, f"the rules of {program} cannot be seen: {why}", "see them as root: sudo")
    for program, chains in seen.items():
        if program == "nftables":
            # iptables keeps its tables in nftables by now, and its own words for them are the better ones.
            chains = {
                name: chain
                for name, chain in chains.items()
                if name.removeprefix("ip ") not in seen.get("iptables", ())
            }
        for probe in probes:
            verdict, chain = drops(chains, probe)
            if verdict != "no":
                clean = False
                yield _dropped(probe, verdict == "yes", program, chain)
    if clean:
        rules = " and ".join(seen)
        yield ok(NAME, f"{rules} let machines in" if seen else "neither nft nor iptables-save is installed")


def _dropped(probe: Probe, surely: bool, program: str, chain: str) -> Finding:
    what = f"{program} {'drops' if surely else 'may drop'} what comes to {probe} (chain {chain})"
    return Finding("broken" if surely else "warning", NAME, what, (_mend(probe, program, chain),))


def _mend(probe: Probe, program: str, chain: str, etc: Path = Path("/etc")) -> str:
    """How to let it in, by the words of whoever made the rules."""
    protocol, port, interface = probe.protocol, probe.port, probe.interface
    if "firewalld" in chain:
        return f"firewall-cmd --permanent --add-port={port}/{protocol} && firewall-cmd --reload"
    if program == "iptables" and _ufw_is_on(etc):
        return f"ufw allow in on {interface} to any port {port} proto {protocol}"
    if program == "iptables":
        table, _, name = chain.partition(" ")
        return f"iptables -t {table} -I {name} -i {interface} -p {protocol} --dport {port} -j ACCEPT"
    return f"nft insert rule {chain} iifname {interface} {protocol} dport {port} accept"


def _ufw_is_on(etc: Path) -> bool:
    try:
        return "ENABLED=yes" in (etc / "ufw/ufw.conf").read_text(errors="replace").splitlines()
    except OSError:
        return False


def _output(command: list[str]) -> str | None:
    """:raises OSError: it fails, or takes too long"""
    program = shutil.which(command[0], path=_FOLDERS)
    if program is None:
        return None
    try:
        done = subprocess.run([program, *command[1:]], capture_output=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise OSError(f"{command[0]} takes longer than {_SECONDS:.0f} s") from error
    if done.returncode:
        raise OSError(done.stderr.decode("utf-8", "replace") or f"{command[0]} failed")
    return done.stdout.decode("utf-8", "replace")
