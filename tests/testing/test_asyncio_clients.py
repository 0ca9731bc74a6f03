"""The docs' recipe for clients that need asyncio: many machines at once, and the time limit of a hook."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "explanation" / "plugins.md"
TRY = """
import time

from pixiecore_core import Machine

machines = [Machine(mac=f"52:54:00:00:00:{n:02x}") for n in range(5)] + [Machine(mac="02:00:00:00:00:01")]
jobs = [gevent.spawn(select_boot, machine) for machine in machines]
gevent.joinall(jobs, raise_error=True)
assert [job.value is None for job in jobs] == [True] * 5 + [False]
began = time.monotonic()
try:
    with gevent.Timeout(0.03):
        select_boot(machines[0])
except gevent.Timeout:
    assert time.monotonic() - began < 0.09
    print("held")
"""


def test_it_works_for_many_machines_and_within_the_time_limit(tmp_path: Path) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    (recipe,) = [block for block in blocks if "asyncio" in block]
    (tmp_path / "recipe.py").write_text(recipe + TRY)
    # Cooperative, as the pixiecore command makes it.
    command = [sys.executable, "-m", "gevent.monkey", str(tmp_path / "recipe.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout == "held\n", done.stderr
