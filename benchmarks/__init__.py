"""Measures the server beside its peers, in the same run and with the same load client; see ``python -m benchmarks``."""
