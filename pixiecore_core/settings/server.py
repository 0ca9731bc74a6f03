"""The server's own settings, as a pydantic model like any plugin's: listeners, cache, limits, log.

The one place where they are declared: options, environment variables, keys of the settings file and the reference are
made from it. Merges no sources and opens nothing.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, ByteSize, ConfigDict, Field, ValidationInfo, field_validator
from pydantic.config import JsonDict

from pixiecore_core.settings.account import AccountSettings
from pixiecore_core.settings.durations import Duration
from pixiecore_core.settings.http import HttpSettings
from pixiecore_core.settings.listening import Endpoint, Listener
from pixiecore_core.settings.loaders import LoaderSettings
from pixiecore_core.settings.secure_boot import SecureBootSettings
from pixiecore_core.settings.telemetry import TelemetrySettings
from pixiecore_core.settings.trust import TrustSettings

_PATH: JsonDict = {"metavar": "PATH"}
_LISTENER: JsonDict = {"metavar": "LISTENER"}
_DURATION: JsonDict = {"metavar": "DURATION"}


class CacheSettings(BaseModel):
    """Where files from other web servers are kept."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cache_dir: Path | None = Field(
        default=None,
        description="folder to keep downloaded boot files in; if not given, /var/cache/pixiecore for the user "
        "pixiecore, else the user's cache folder",
        json_schema_extra={"metavar": "FOLDER"},
    )
    cache_size: ByteSize = Field(
        default=ByteSize(20_000_000_000),
        gt=0,
        description="bytes that they may take, such as 500M, 20G or 1TiB",
        json_schema_extra={"metavar": "SIZE", "shown": "20G"},
    )


class TftpSettings(BaseModel):
    """What TFTP grants, for networks and firmware that the defaults do not suit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tftp_blksize: int = Field(
        default=1468,
        ge=512,
        le=65464,
        description="most bytes in a TFTP block; less where the path's MTU is under 1500",
        json_schema_extra={"metavar": "BYTES"},
    )
    tftp_windowsize: int = Field(
        default=64,
        ge=1,
        le=65535,
        description="most TFTP blocks sent before an acknowledgement; less where a switch drops bursts",
        json_schema_extra={"metavar": "BLOCKS"},
    )
    tftp_transfers: int = Field(
        default=1024,
        ge=1,
        description="TFTP transfers at once; one address may have 64 of them",
        json_schema_extra={"metavar": "NUMBER"},
    )
    tftp_single_port: bool = Field(
        default=False,
        description="send TFTP from its listening port, which a firewall or NAT that does not know TFTP lets through; "
        "a forged address can then be sent whole files",
    )


class ServerSettings(
    AccountSettings,
    HttpSettings,
    TftpSettings,
    TrustSettings,
    SecureBootSettings,
    LoaderSettings,
    CacheSettings,
    TelemetrySettings,
):
    """The server's settings."""

    listen_addr: IPv4Address = Field(
        default=IPv4Address(0),
        description="serve only the network that this address of ours is on",
        json_schema_extra={"short": "-l", "metavar": "ADDRESS"},
    )
    port: int = Field(
        default=80, ge=0, le=65535, description="port of the HTTP server", json_schema_extra={"short": "-p"}
    )
    interface: list[str] = Field(
        default=[],
        description="serve only this network interface; may be repeated",
        json_schema_extra={"metavar": "NAME"},
    )
    dhcp: Listener = Field(
        default=Endpoint(port=67),
        description="ProxyDHCP listener: PORT, ADDRESS:PORT or off",
        json_schema_extra=_LISTENER,
    )
    pxe: Listener = Field(
        default=Endpoint(port=4011),
        description="PXE boot-server listener: PORT, ADDRESS:PORT or off",
        json_schema_extra=_LISTENER,
    )
    tftp: Listener = Field(
        default=Endpoint(port=69), description="TFTP listener: PORT, ADDRESS:PORT or off", json_schema_extra=_LISTENER
    )
    http: Listener = Field(
        default=None,
        description="HTTP listener: PORT, ADDRESS:PORT or off; --port if not given",
        json_schema_extra=_LISTENER,
    )
    syslog: Listener = Field(
        default=None,
        description="listener, on UDP and TCP, for the syslog of booted machines, which adds their steps to their "
        "timelines: PORT, ADDRESS:PORT or off",
        json_schema_extra={**_LISTENER, "shown": "off"},
    )
    dhcp_no_bind: bool = Field(
        default=False, description="hear DHCP without binding its port, to run beside a DHCP server on this host"
    )
    uefi_direct: Literal["auto", "always", "never"] = Field(
        default="auto",
        description="start UEFI machines with kernel, initrds and command line in one file that is made for each, "
        "without iPXE. auto: where there is no iPXE for their firmware, and there is an EFI stub",
        json_schema_extra={"metavar": "WHEN"},
    )
    pi_firmware: Path | None = Field(
        default=None,
        description="folder with firmware for Raspberry Pis 3 to 5: for all of them, or for each in a folder named by "
        "its serial number; without it, their ROMs are ignored",
        json_schema_extra={"metavar": "FOLDER"},
    )
    offer_variant: list[str] = Field(
        default=[],
        description="answer all machines (NAME), or one (MAC=NAME), in this way, and try no other; the names are under "
        "'Ways to answer' in the reference of firmware; where it does not fit, it does nothing; may be repeated",
        json_schema_extra={"metavar": "[MAC=]NAME"},
    )
    offer_memory: Path | None = Field(
        default=None,
        description="file that keeps which way of answering each machine's firmware has taken; in /var/lib/pixiecore "
        "for the user pixiecore, else the user's state folder, if not given",
        json_schema_extra=_PATH,
    )
    history: Path | None = Field(
        default=None,
        description="file that keeps what each machine did, so that it can be explained after a restart; in "
        "/var/lib/pixiecore for the user pixiecore, else the user's state folder, if not given",
        json_schema_extra=_PATH,
    )
    no_history: bool = Field(default=False, description="remember what machines did only while the server runs")
    quiet_ra: Literal["auto", "off"] = Field(
        default="auto",
        description="tell machines under way that there is no IPv6 router, where none answers within a second; their "
        "iPXE waits up to 15 s for one. auto: where CAP_NET_RAW lets us",
        json_schema_extra={"metavar": "WHEN"},
    )
    neighbour_watch: Literal["auto", "off"] = Field(
        default="auto",
        description="hear what other DHCP and proxy servers tell machines, and warn of what spoils boots. auto: where "
        "CAP_NET_RAW lets us",
        json_schema_extra={"metavar": "WHEN"},
    )
    no_cache: bool = Field(
        default=False, description="keep no files from other web servers; fetch them anew for each machine"
    )
    key_file: Path | None = Field(
        default=None,
        description="file with the key that seals URLs, made if there is none; instances that share it can serve each "
        "other's machines; in /var/lib/pixiecore for the user pixiecore, else the user's state folder, if not given",
        json_schema_extra=_PATH,
    )
    url_lifetime: Duration | None = Field(
        default=None,
        gt=0,
        description="how long the URLs in a boot script work, such as 30m; for ever if not given",
        json_schema_extra=_DURATION,
    )
    boot_retries: int = Field(
        default=2,
        ge=0,
        le=1000,
        description="how often a machine tries its boot again after a step of its script has failed, where the same "
        "may work a moment later; then its firmware goes on to its next boot entry",
        json_schema_extra={"metavar": "NUMBER"},
    )
    plugin_order: list[str] = Field(
        default=[],
        description="ask this plugin before the others; may be repeated; without it, they are asked by name",
        json_schema_extra={"metavar": "NAME"},
    )
    hook_timeout: Duration = Field(
        default=Duration("10s"),
        gt=0,
        description="how long a plugin may take for one answer",
        json_schema_extra=_DURATION,
    )
    event_timeout: Duration = Field(
        default=Duration("2s"),
        gt=0,
        description="how long a plugin may take to hear of one event",
        json_schema_extra=_DURATION,
    )
    debug: bool = Field(
        default=False, description="tell what is ignored, too, and why", json_schema_extra={"short": "-d"}
    )
    log_timestamps: bool = Field(
        default=False, description="put the time before each line", json_schema_extra={"short": "-t"}
    )
    plain: bool = Field(
        default=False, description="write plain lines to a terminal, too, without the table of machines below"
    )
    log_format: Literal["text", "json"] = Field(
        default="text", description="text for people, or json for machines", json_schema_extra={"metavar": "FORMAT"}
    )

    @field_validator("*", mode="before")
    @classmethod
    def _no_empty_path(cls, value: Any, info: ValidationInfo) -> Any:
        """An empty text would be the folder that we were started in."""
        kind = cls.model_fields[info.field_name or ""].annotation
        if value == "" and Path in (kind, *get_args(kind)):
            raise ValueError("is empty: give a path, or leave it out")
        return value

    def http_endpoint(self) -> Endpoint | None:
        """Where HTTP listens: ``--http`` if it was given, else ``--port``."""
        return self.http if "http" in self.model_fields_set else Endpoint(port=self.port)

    def syslog_place(self) -> tuple[str, int] | None:
        """Where machines may send their syslog: an address, or nothing for that which they reach us by, and a port."""
        return (str(self.syslog.address or ""), self.syslog.port) if self.syslog is not None else None
