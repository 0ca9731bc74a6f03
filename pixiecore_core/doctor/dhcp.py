"""Who answers DHCP on the networks that are served, and whether it spoils boots.

Has them asked, and puts the judgement of engine/neighbours.py into findings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from pixiecore_core.doctor.findings import Finding, broken, ok, warning
from pixiecore_core.engine.neighbours import Neighbourhood
from pixiecore_core.net.dhcp_question import Answer
from pixiecore_core.net.interfaces import Interface

NAME = "dhcp"


def check(
    served: Sequence[Interface],
    ask: Callable[[Interface], Sequence[Answer]],
    opens: Callable[[str], bool] = lambda token: False,
) -> Iterator[Finding]:
    """What each network's servers say.

    :param served: the interfaces, without loopback
    :param ask: asks on one; raises OSError where it cannot
    :param opens: whether a token in a Pixiecore's URL was sealed by our key
    """
    for interface in served:
        neighbours = Neighbourhood(opens)
        try:
            answers = ask(interface)
        except OSError as error:
            what = f"who answers DHCP on {interface.name} cannot be asked: {error.strerror or error}"
            yield warning(NAME, what, "ask as root, or with CAP_NET_RAW")
            continue
        news = [one for message, source in answers for one in neighbours.heard(message, source, interface.name)]
        for one in news:
            if one.problem is None:
                yield ok(NAME, one.text)
            else:
                make = broken if one.breaks else warning
                yield make(NAME, one.text, *one.mend)
        if not any(not one.is_proxy for one in neighbours.all()):
            yield warning(
                NAME,
                f"no DHCP server answers on {interface.name}; without an address no machine boots",
                "see that one serves this network, for we add the boot file only; one on this host itself is not heard",
            )
