"""The nouns that cross hooks, a file for each: machine, request, decision, files, facts, pages.

Frozen pydantic models, so that a plugin's mistake is an error at the hook and not a malformed packet later. No
behaviour beyond validation.
"""

from pixiecore_core.models.actions import MachineAction
from pixiecore_core.models.base import MacAddress, Model, normalise_mac
from pixiecore_core.models.decision import BootSpec, GiveUp, Hold, Ignore, LocalDisk, Retry
from pixiecore_core.models.facts import Fact
from pixiecore_core.models.files import BootFile, ByteSource, Digest, FileRef, Purpose, UrlFor
from pixiecore_core.models.machine import Machine
from pixiecore_core.models.offer import OfferVariant, Trouble
from pixiecore_core.models.pages import PageAnswer, PageRequest
from pixiecore_core.models.request import Client, PxeRequest, Stage

__all__ = [
    "BootFile",
    "BootSpec",
    "ByteSource",
    "Client",
    "Digest",
    "Fact",
    "FileRef",
    "GiveUp",
    "Hold",
    "Ignore",
    "LocalDisk",
    "MacAddress",
    "Machine",
    "MachineAction",
    "Model",
    "OfferVariant",
    "PageAnswer",
    "PageRequest",
    "Purpose",
    "PxeRequest",
    "Retry",
    "Stage",
    "Trouble",
    "UrlFor",
    "normalise_mac",
]
