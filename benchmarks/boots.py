"""Whole boots beside dnsmasq and nginx, in one run: ``python -m benchmarks.boots [MACHINES]``, about a minute.

``pixiecore simulate`` boots so many BIOS machines, 32 at once, from one end of a veth pair to the other: offer, iPXE by
TFTP, offer, script, kernel and initrd by HTTP. Small files: the steps are measured, not the bytes. The machines are one
process on the second processor, and need more of it than a server does: what both come to is a floor.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.dhcp import CLIENT_ADDRESS, SERVER_ADDRESS, Wire
from benchmarks.http import CONFIGURATION
from benchmarks.processes import enter_namespace, pin, pixiecore, program, running
from benchmarks.table import heading, row, write

ROUNDS = 2
PARALLEL = 32
SERVER, CLIENT = (address.partition("/")[0] for address in (SERVER_ADDRESS, CLIENT_ADDRESS))
_WEB_PORT = 8081
_SIZES = {"undionly.kpxe": 75_000, "vmlinuz": 600_000, "initrd.img": 900_000}
_SCRIPT = (
    "#!ipxe\nkernel --name kernel http://{server}:{port}/vmlinuz\ninitrd --name initrd0 http://{server}:{port}/initrd.img\n"
    "boot kernel initrd=initrd0 quiet\n"
)


def _ours(folder: Path) -> list[str]:
    files = [folder / "vmlinuz", folder / "initrd.img", "--cmdline", "quiet", "--ipxe-bios", folder / "undionly.kpxe"]
    kept = ["--key-file", folder / "key", "--offer-memory", folder / "memory", "--no-cache"]
    return pixiecore(*files, *kept, "--http", "8080", "--trust-relay", CLIENT)


def _peer(folder: Path) -> list[str]:
    command = [program("dnsmasq", "dnsmasq-base"), "--keep-in-foreground", "--conf-file=/dev/null", "--pid-file="]
    command += ["--port=0", "--user=root", "--log-facility=-", "--dhcp-range=192.0.2.0,proxy", "--leasefile-ro"]
    command += ["--enable-tftp", f"--tftp-root={folder}", "--tftp-max=500", "--dhcp-userclass=set:ipxe,iPXE"]
    script = f"--dhcp-boot=tag:ipxe,http://{SERVER}:{_WEB_PORT}/boot.ipxe,,{SERVER}"
    return [*command, f"--pxe-service=tag:!ipxe,x86PC,boot,undionly.kpxe,{SERVER}", script]


def _boots(wire: Wire, machines: int) -> dict[str, float]:
    """The figures of one run."""
    command = [sys.executable, "-m", "pixiecore_core", "simulate", "bios", "--server", SERVER, "--json"]
    command += ["--count", str(machines), "--parallel", str(PARALLEL)]
    with subprocess.Popen(
        [*wire.inside, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        pin(process.pid, 1)
        output, errors = process.communicate(timeout=600)
    if process.returncode:
        outcomes = json.loads(output)["outcomes"] if output else errors
        raise SystemExit(f"not all of {machines} machines booted: {outcomes}")
    document = json.loads(output)
    times = document["times"]
    waits = {f"{stage} {figure}": times[stage][figure] for stage in times for figure in ("median", "p90")}
    return {"boots_per_minute": machines * 60 / document["seconds"], **waits}


def compare(folder: Path, machines: int) -> None:
    """Measure both in turns and print the table."""
    for name, size in _SIZES.items():
        (folder / name).write_bytes(bytes(size))
    (folder / "boot.ipxe").write_text(_SCRIPT.format(server=SERVER, port=_WEB_PORT))
    configuration = CONFIGURATION.format(folder=folder, port=_WEB_PORT).replace("127.0.0.1:", "")
    (folder / "nginx.conf").write_text(configuration)
    best: dict[str, dict[str, float]] = {}
    wire = Wire()
    try:
        for _ in range(ROUNDS):
            for server in ("ours", "peer"):
                with contextlib.ExitStack() as stack:
                    command, ready = (_ours(folder), "Ready:") if server == "ours" else (_peer(folder), "DHCP, proxy")
                    started = [stack.enter_context(running(command, folder / f"{server}.log", ready))]
                    if server == "peer":
                        web = [program("nginx", "nginx-light"), "-c", folder / "nginx.conf", "-e", "stderr"]
                        started.append(stack.enter_context(running(web, folder / "nginx.log", "start worker")))
                    for process in started:
                        pin(process.pid, 0)
                    result = _boots(wire, machines)
                if server not in best or result["boots_per_minute"] > best[server]["boots_per_minute"]:
                    best[server] = result
    finally:
        wire.close()
    columns = ["server", "boots/minute", "offer, ms (median/90 %)", "first file", "script", "kernel"]
    heading("Whole boots", columns)
    for server, name in (("ours", "Pixiecore"), ("peer", "dnsmasq and nginx")):
        result = best[server]
        stages = ("offer", "first file", "script", "kernel")
        waits = [f"{result[f'{stage} median'] * 1000:.0f}/{result[f'{stage} p90'] * 1000:.0f}" for stage in stages]
        row([name, f"{result['boots_per_minute']:,.0f}", *waits])
    write(f"\nBest of {ROUNDS} rounds of {machines} machines, {PARALLEL} at once; times since each machine's start")


def main() -> None:
    """Enter a namespace, then compare."""
    enter_namespace("benchmarks.boots")
    with tempfile.TemporaryDirectory(prefix="pixiecore-boots-") as folder:
        Path(folder).chmod(0o755)
        compare(Path(folder), int(sys.argv[1]) if len(sys.argv) > 1 else 500)


if __name__ == "__main__":
    main()
