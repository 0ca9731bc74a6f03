"""A plugin that stops the loop is named. In a process of its own: the monitor watches for good."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys, time, gevent
from pixiecore_core import Machine, hookimpl
from pixiecore_core.plugins import watching
from pixiecore_core.plugins.manager import PluginManager

class Blocking:
    @hookimpl
    def select_boot(self, machine):
        @@

watching.MAX_BLOCKING_SECONDS = 0.2
manager = PluginManager(lambda error, mac: print(error, flush=True))
manager.register(Blocking(), "blocker")
watch = watching.watch(manager.report)
gevent.sleep(0.1)
gevent.spawn(manager.select_boot, Machine(mac="52:54:00:12:34:56")).join()
gevent.sleep(0.1)
print("culprit", watch.culprit())
"""
SLEEP = "time.sleep(1.5)  # unpatched: blocks the whole loop"


def run(block: str) -> subprocess.Popen[str]:
    program = [sys.executable, "-c", PROGRAM.replace("@@", block)]
    return subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_blocked_loop_names_the_plugin_once() -> None:
    with run(SLEEP) as process:
        out, err = process.communicate(timeout=30)
    reported, culprit = out.splitlines()
    assert "plugin 'blocker', hook select_boot: blocked the event loop for over 1." in reported
    assert culprit == "culprit None"
    (line,) = err.splitlines()
    assert line.startswith("[Plugin] error: plugin 'blocker', hook select_boot: blocks the event loop")
    assert line.endswith("in <string> line 10")


def test_a_loop_that_never_turns_again_is_told_of_too() -> None:
    with run("while True: pass") as process:
        assert process.stderr is not None
        assert "plugin 'blocker', hook select_boot" in process.stderr.readline()
        process.kill()
