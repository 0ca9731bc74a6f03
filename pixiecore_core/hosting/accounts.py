"""Which user a server becomes once its ports are open, and the folders that this user needs.

Changes who we are nowhere: see privileges.py.
"""

from __future__ import annotations

import grp
import os
import pwd
import shlex
from dataclasses import dataclass
from pathlib import Path

from pixiecore_core.errors import ConfigError, StartError
from pixiecore_core.files.folders import Kind, service_folder, user_folder
from pixiecore_core.ownership import NotOurs, make_folder, service_user, user_name


@dataclass(frozen=True, slots=True)
class Account:
    """A user to become."""

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...]


def account_of(user: str | None, group: str | None) -> Account | None:
    """The user to become; ``None`` to stay who we are.

    :param user: ``--user``, and
    :param group: ``--group``, if they were given
    :raises ConfigError: there is no such user or group, or we may not become them
    """
    if os.geteuid() != 0:
        _check_who_we_are(user, group)
        return None
    entry = service_user() if user is None else _user(user)
    if entry is None or entry.pw_uid == 0:
        if group is not None:
            raise ConfigError("--group", "does nothing where root stays root; name a user, too: --user NAME")
        return None
    gid = entry.pw_gid if group is None else _group(group)
    return Account(entry.pw_name, entry.pw_uid, gid, tuple(os.getgrouplist(entry.pw_name, gid)))


def make_folders(account: Account, state: bool = True, cache: bool = True) -> None:
    """As root, make the default folders for a server that becomes *account*.

    :param state: whether that for state is wanted, and
    :param cache: that for the cache
    :raises StartError: what root kept has not been moved there, or a folder is another user's
    """
    kinds: list[Kind] = [kind for kind, wanted in (("state", state), ("cache", cache)) if wanted]  # type: ignore[misc]
    for kind in kinds:
        folder, former = service_folder(kind), user_folder(kind)
        if kind == "state" and former != folder and former.is_dir() and os.listdir(former):
            raise StartError(_how_to_move(former, folder, account))
        try:
            make_folder(folder, account.uid, account.gid)
        except NotOurs as error:
            raise StartError(f"{error}; or keep root: --user root") from error
        except OSError:
            continue  # whoever needs it says so


def _how_to_move(former: Path, folder: Path, account: Account) -> str:
    old, new, name = shlex.quote(str(former)), shlex.quote(str(folder)), shlex.quote(account.name)
    return (
        f"the server runs as user {account.name}, and its state is still in root's folder, {former}.\n"
        "Stop whatever uses it, and move it:\n"
        f"  install -d -m 700 -o {name} {new} && mv {old}/* {new}/ && chown -R {name}: {new} && rmdir {old}\n"
        f"and likewise {user_folder('cache')} to {service_folder('cache')}, if what is in the cache shall be kept; "
        "or keep root: --user root"
    )


def _check_who_we_are(user: str | None, group: str | None) -> None:
    us = user_name(os.geteuid())
    if user is not None and _user(user).pw_uid != os.geteuid():
        raise ConfigError("--user", f"only root can become another user, and this is {us}: run it as root")
    if group is not None and _group(group) != os.getegid():
        raise ConfigError(
            "--group", f"only root can become a member of another group, and this is {us}: run it as root"
        )


def _user(name: str) -> pwd.struct_passwd:
    try:
        return pwd.getpwuid(int(name)) if name.isascii() and name.isdecimal() else pwd.getpwnam(name)
    except (KeyError, OverflowError):
        raise ConfigError("--user", f"there is no user {name!r}; to make one: {_how_to_make(name)}") from None


def _how_to_make(name: str) -> str:
    return f"useradd --system --no-create-home --shell /usr/sbin/nologin {shlex.quote(name)}"


def _group(name: str) -> int:
    try:
        return (grp.getgrgid(int(name)) if name.isascii() and name.isdecimal() else grp.getgrnam(name)).gr_gid
    except (KeyError, OverflowError):
        raise ConfigError("--group", f"there is no group {name!r}; to make one: groupadd {shlex.quote(name)}") from None
