"""Machines without a machine: what firmware and iPXE do on their way to a kernel, as generators.

They yield what a machine does next (a :mod:`step <pixiecore_core.testing.machines.steps>`) and are sent what came of
it, so that the same boot runs over sockets (``pixiecore simulate``) and in memory (the kit). What is below
``machines`` opens nothing itself, but for the three modules ``over_dhcp``, ``over_tftp`` and ``over_http``.
"""
