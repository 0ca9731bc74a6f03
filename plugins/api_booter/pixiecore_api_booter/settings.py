"""The booter's settings, each checked when Pixiecore starts, not when the first machine boots.

Each field is an option, an environment variable and a TOML key. Reads the named files only to see that they are usable.
"""

from __future__ import annotations

import os.path
import ssl
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator
from pydantic.config import JsonDict

from pixiecore_api_booter.addresses import split
from pixiecore_api_booter.token_file import read_token
from pixiecore_core import Duration

_PATH: JsonDict = {"metavar": "PATH"}

WhenDown = Literal["hold", "hold-all", "ignore"]


def _prefix(value: str) -> str:
    """The API's URL without a slash at its end.

    :raises ValueError: it is not one
    """
    if any(character.isspace() or not character.isprintable() for character in value):
        raise ValueError(f"{value!r} holds white space or a control character")
    parts = split(value)
    if parts.scheme not in ("http", "https"):
        raise ValueError(f"{value!r} must begin with http:// or https://")
    if not parts.hostname:
        raise ValueError(f"{value!r} names no host")
    if "?" in value or "#" in value:
        raise ValueError(f"{value!r} must have no query and no fragment: /v1/boot/MAC is added to it")
    return value.rstrip("/")


def _readable(value: str) -> str:
    """An absolute path of a file that can be read.

    :raises ValueError: it cannot
    """
    path = os.path.abspath(os.path.expanduser(value))
    try:
        with open(path, "rb") as file:
            file.read(1)
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error
    return path


def _folder(value: str) -> str:
    """An absolute path of a folder.

    :raises ValueError: it is not one
    """
    path = os.path.abspath(os.path.expanduser(value))
    if not os.path.isdir(path):
        raise ValueError(f"{path} is not a folder")
    return path


def _number(value: object) -> object:
    return int(value) if isinstance(value, str) and value.isdecimal() else value


Prefix = Annotated[str, AfterValidator(_prefix)]
Readable = Annotated[str, AfterValidator(_readable)]
Folder = Annotated[str, AfterValidator(_folder)]


class ApiSettings(BaseModel):
    """The API booter's settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: Prefix = Field(
        description="URL of the API server; /v1/boot/MAC is added to it", json_schema_extra={"metavar": "URL"}
    )
    api_request_timeout: Duration = Field(
        default=Duration("5s"),
        gt=0,
        le=600,
        description="how long the API may take to answer, such as 5s, 500ms or 1m30s; a plain number is seconds",
        json_schema_extra={"metavar": "DURATION"},
    )
    api_version: Annotated[Literal[1, 2], BeforeValidator(_number)] = Field(
        default=1,
        description="1: GET /v1/boot/MAC; 2: POST what is known of the machine as JSON to /v2/boot",
        json_schema_extra={"metavar": "1|2"},
    )
    identity: Literal["headers", "query"] = Field(
        default="headers",
        description="where version 1 says what is known of a machine beyond its MAC address: headers or query",
        json_schema_extra={"metavar": "headers|query"},
    )
    api_down: WhenDown = Field(
        default="hold",
        description="while the API cannot be reached: hold makes machines that are under way wait and ignores new "
        "ones, hold-all makes all wait, ignore ignores all",
        json_schema_extra={"metavar": "hold|hold-all|ignore"},
    )
    api_ca: Readable | None = Field(
        default=None,
        description="trust the API's certificate if one in this PEM file signed it",
        json_schema_extra=_PATH,
    )
    api_cert: Readable | None = Field(
        default=None, description="client certificate to show to the API, a PEM file", json_schema_extra=_PATH
    )
    api_key: Readable | None = Field(
        default=None,
        validate_default=True,
        description="key of --api-cert, a PEM file without a password; if not given, it is in that file too",
        json_schema_extra=_PATH,
    )
    api_token_file: Readable | None = Field(
        default=None,
        description="send the token in this file to the API (Authorization: Bearer); read again when it changes",
        json_schema_extra=_PATH,
    )
    file_root: list[Folder] = Field(
        default=[],
        description="allow the API to name files in this folder on our host, as file:///FOLDER/…; may be repeated",
        json_schema_extra={"metavar": "FOLDER"},
    )

    @field_validator("api_ca")
    @classmethod
    def _certificates(cls, path: str | None) -> str | None:
        if path is not None:
            try:
                ssl.create_default_context(cafile=path)
            except (ssl.SSLError, ValueError) as error:
                raise ValueError(f"{path} does not hold a certificate in PEM form") from error
        return path

    @field_validator("api_key")
    @classmethod
    def _pair(cls, key: str | None, info: ValidationInfo) -> str | None:
        certificate = info.data.get("api_cert")
        if certificate is None:
            if key is not None and "api_cert" in info.data:
                raise ValueError("belongs to a certificate; give it with --api-cert")
            return key
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, key, password=_no_password)
        except (ssl.SSLError, ValueError) as error:
            raise ValueError(
                f"{key or certificate} must hold a key without a password that fits the certificate in {certificate}"
            ) from error
        return key

    @field_validator("api_token_file")
    @classmethod
    def _token(cls, path: str | None) -> str | None:
        if path is not None:
            read_token(path)
        return path


def _no_password() -> str:
    # Otherwise OpenSSL would ask for it on the terminal.
    return ""
