"""A stranger's path: what users install, in a fresh system, boots a machine with real firmware.

Programs, not tests of pytest: each takes what a release built (`make deb`, `make image`, `make dist`) and minutes.
"""
