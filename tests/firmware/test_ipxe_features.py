"""What Debian's builds can do, and what is not said of builds that nobody knows."""

from __future__ import annotations

import pytest

from pixiecore_core.firmware.ipxe_features import FEATURES, features


@pytest.mark.parametrize(
    ("version", "told"),
    [
        ("1.0.0+git-20190125.36a4c85-5.1", ["asks DHCP a second time", "cannot start the disk"]),
        (
            "1.21.1+git20250501.dad20602+dfsg-1",
            ["asks for autoexec.ipxe, which saves a second DHCP", "can start the disk"],
        ),
        ("2.0.0", ["asks for autoexec.ipxe, which saves a second DHCP", "can start the disk"]),
        ("", []),
        ("a vendor's own", []),
    ],
)
def test_features(version: str, told: list[str]) -> None:
    assert features(version) == told


def test_each_row_has_a_source() -> None:
    assert len(FEATURES) == 2
    assert all(row.source and row.can != row.cannot for row in FEATURES)
