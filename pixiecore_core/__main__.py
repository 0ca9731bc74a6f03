"""The ``pixiecore`` command: makes the standard library cooperative, then hands over to the CLI.

The only place that patches, and first of all: a plugin's HTTP library imported before the patch would block every
machine. Nothing may be imported above it.
"""

from gevent import monkey

monkey.patch_all()

from pixiecore_core.cli.main import main  # noqa: E402 - the patch must come first

if __name__ == "__main__":
    main()
