"""What can be set, and where each value comes from: command line, then environment, then settings file, then default.

Every command asks one :class:`pixiecore_core.settings.configuration.Configuration`. Knows nothing of click; reads no
environment by itself.
"""
