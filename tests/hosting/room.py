"""A host of a test's own: its own users and system folders, in a private mount namespace.

Nothing of it is seen outside, and it is gone with its last process. This Python and this clone can be read in it by
every user, whatever folders they are in.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PIXIECORE = Path(sys.executable).with_name("pixiecore")
UID = 4711
"""Of the user "pixiecore"."""
_VARIABLES = ("XDG_STATE_HOME", "XDG_CACHE_HOME", "PIXIECORE_USER", "PYTHONPATH")
_TMPFS = "mount -t tmpfs -o mode=755 tmpfs"

needs_a_host = [
    pytest.mark.netns,
    pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="needs root and unshare"),
]


def on_a_host(folder: Path, *lines: str, user: bool = True) -> list[str]:
    """The command line of a shell script on a host of its own, where ``pixiecore`` is a command.

    :param folder: the script's own, and where it starts
    :param lines: of the script
    :param user: whether there is a user "pixiecore"
    """
    folder.chmod(0o755)
    entries = {"passwd": f"pixiecore:x:{UID}:{UID}::/nonexistent:/bin/false\n", "group": f"pixiecore:x:{UID}:\n"}
    for name, entry in entries.items():
        others = [line for line in Path("/etc", name).read_text().splitlines() if not line.startswith("pixiecore:")]
        (folder / name).write_text("\n".join([*others, entry if user else ""]))
    prepare = [
        "set -e",
        *_reachable([Path(sys.base_prefix).resolve(), ROOT, folder]),
        *(f"mount --bind {shlex.quote(str(folder / name))} /etc/{name}" for name in entries),
        f"{_TMPFS} /var/lib; {_TMPFS} /var/cache",
        f"cd {shlex.quote(str(folder))}; export HOME=/root PATH={shlex.quote(str(PIXIECORE.parent))}:$PATH",
        "set +e",
    ]
    unset = [f"--unset={name}" for name in _VARIABLES]
    return ["env", *unset, "unshare", "--mount", "bash", "-c", "\n".join([*prepare, *lines])]


def run(folder: Path, *lines: str, user: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a script to its end on a host of its own, without a network but ``lo``; what it says on both outputs."""
    inside = on_a_host(folder, "ip link set lo up", *lines, user=user)
    # With process numbers of its own: what it leaves running ends with it.
    argv = ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", *inside]
    pipe, same = subprocess.PIPE, subprocess.STDOUT
    return subprocess.run(argv, stdout=pipe, stderr=same, text=True, timeout=60, check=False)


def _reachable(paths: Iterable[Path]) -> list[str]:
    """Commands that let every user reach these folders: of the closed ones that they are in, nothing else is left."""
    closed: dict[Path, list[Path]] = {}
    for path in paths:
        for above in reversed(path.parents):
            if not above.stat().st_mode & 0o001:
                closed.setdefault(above, []).append(path)
                break
    # Root's home is always one of the test's own.
    closed.setdefault(Path("/root"), [])
    commands = ["mount --make-rprivate /", f"{_TMPFS} /mnt"]
    for above, kept in closed.items():
        aside = [f"/mnt/{len(commands)}-{number}" for number in range(len(kept))]
        for place, path in zip(aside, kept, strict=True):
            commands.append(f"mkdir {place}; mount --bind {shlex.quote(str(path))} {place}")
        commands.append(f"{_TMPFS} {shlex.quote(str(above))}")
        for place, path in zip(aside, kept, strict=True):
            commands.append(f"mkdir -p {shlex.quote(str(path))}; mount --bind {place} {shlex.quote(str(path))}")
    return commands
