"""Opens a file that a machine fetches before, or in place of, a script: what a policy fails at is a file's error.

Knows no names and no protocol; whether the machine may have the file has been decided before.
"""

from __future__ import annotations

from pixiecore_core.engine.policy import Policy
from pixiecore_core.errors import BootFileError, PluginError
from pixiecore_core.models import BootFile, FileRef, UrlFor


def opened(policy: Policy, ref: FileRef, mac: str | None, urls: UrlFor) -> BootFile:
    """The file at *ref*, which is the caller's to close.

    :param mac: whose boot it belongs to, if any machine's
    :raises BootFileError: it cannot be opened
    """
    try:
        return policy.open_boot_file(ref, mac, urls)
    except PluginError as error:
        raise BootFileError(error.told) from error
