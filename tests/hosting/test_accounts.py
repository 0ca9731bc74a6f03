"""Which user a server becomes: what is asked for, and what is refused."""

from __future__ import annotations

import os
import pwd

import pytest

from pixiecore_core import ownership
from pixiecore_core.errors import ConfigError
from pixiecore_core.hosting.accounts import account_of

NOBODY = pwd.getpwnam("nobody")


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(ownership, "SERVICE_USER", "no-such-user")


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: NOBODY.pw_uid)
    monkeypatch.setattr(os, "getegid", lambda: NOBODY.pw_gid)


@pytest.mark.usefixtures("root")
def test_root_becomes_whom_it_names() -> None:
    for text in ("nobody", str(NOBODY.pw_uid)):
        account = account_of(text, None)
        assert account is not None
        assert (account.name, account.uid, account.gid) == ("nobody", NOBODY.pw_uid, NOBODY.pw_gid)
        assert NOBODY.pw_gid in account.groups


@pytest.mark.usefixtures("root")
def test_root_becomes_the_service_s_user_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert account_of(None, None) is None
    monkeypatch.setattr(ownership, "SERVICE_USER", "nobody")
    account = account_of(None, None)
    assert account is not None
    assert account.uid == NOBODY.pw_uid
    assert account_of("root", None) is None
    daemon = account_of(None, "daemon")
    assert daemon is not None
    assert daemon.gid == 1


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize(
    ("user", "group", "option", "reason"),
    [
        ("nosuch", None, "--user", "there is no user 'nosuch'; to make one: useradd --system"),
        ("99999999999999999999", None, "--user", "there is no user"),
        ("nobody", "nosuch", "--group", "there is no group 'nosuch'"),
        (None, "daemon", "--group", "does nothing where root stays root"),
        ("root", "daemon", "--group", "does nothing where root stays root"),
    ],
)
def test_what_root_cannot_become(user: str | None, group: str | None, option: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason) as caught:
        account_of(user, group)
    assert caught.value.option == option


@pytest.mark.usefixtures("nobody")
def test_others_are_who_they_are() -> None:
    assert account_of(None, None) is None
    assert account_of("nobody", "nogroup") is None
    for user, group in (("daemon", None), ("root", None), (None, "daemon")):
        with pytest.raises(ConfigError, match=r"only root can become .* and this is nobody: run it as root"):
            account_of(user, group)
