"""The rules by which :mod:`pixiecore_core.engine.diagnosing` tells why a machine has not booted."""
