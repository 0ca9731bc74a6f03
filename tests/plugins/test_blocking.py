"""A plugin that stops the loop is named. In a process of its own: the monitor watches for good."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import time, gevent
from pixiecore_core import Machine, hookimpl
from pixiecore_core.plugins import blocking
from pixiecore_core.plugins.manager import PluginManager

class Blocking:
    @hookimpl
    def select_boot(self, machine):
        time.sleep(2.5)  # unpatched: blocks the whole loop

blocking.MAX_BLOCKING_SECONDS = 0.3
manager = PluginManager(lambda error, mac: print(error, flush=True))
manager.register(Blocking(), "blocker")
blocking.watch(manager.report)
gevent.sleep(0.1)
gevent.spawn(manager.select_boot, Machine(mac="52:54:00:12:34:56")).join()
gevent.sleep(0.1)
"""


def test_a_blocked_loop_names_the_plugin() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=30, check=False)
    assert "plugin 'blocker', hook select_boot: blocked the event loop" in done.stdout, done.stderr
