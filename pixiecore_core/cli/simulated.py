"""What ``pixiecore simulate`` says of the boots that it has played: in words, and as a JSON document."""

from __future__ import annotations

from typing import Any

import click

from pixiecore_core.testing.machines.crowd import Summary
from pixiecore_core.testing.machines.network import Played
from pixiecore_core.testing.machines.rows import ROWS, Row
from pixiecore_core.testing.machines.steps import Image, Outcome

_MOST_REASONS = 10


def show_rows() -> None:
    """The machines that there are."""
    width = max(len(row.name) for row in ROWS)
    for row in ROWS:
        click.echo(f"{row.name:{width}}  {row.about}")


def show_machine(played: Played) -> None:
    """How one machine's boot ended."""
    end = played.end
    if end.outcome is not Outcome.BOOTED:
        click.echo(f"\nEnded after {played.seconds:.3f} s, {end.outcome}: {end.reason}.")
        return
    click.echo(f"\nWould have booted after {played.seconds:.3f} s: {end.reason}.")
    if end.kernel is not None:
        click.echo(f"  kernel        {_image(end.kernel)}")
    for initrd in end.initrds:
        click.echo(f"  initrd        {_image(initrd)}")
    if end.kernel is not None:
        click.echo(f"  command line  {end.cmdline or '(none)'}")


def _image(image: Image) -> str:
    return f"{image.name}, {image.size} bytes, sha256 {image.sha256}"


def show_summary(row: Row, summary: Summary, count: int) -> None:
    """What came of many."""
    played, seconds = len(summary.played), summary.seconds
    click.echo(f"{played} of {count} {row.name} machines in {seconds:.1f} s, {played * 60 / seconds:.0f} a minute")
    for outcome, number in summary.outcomes().most_common():
        click.echo(f"  {outcome:10} {number}")
    times = summary.times()
    if times:
        click.echo(f"\n  {'seconds to':10} {'median':>8} {'90 %':>8} {'worst':>8}")
        for name, figures in times.items():
            click.echo(f"  {name:10} " + " ".join(f"{figure:8.3f}" for figure in figures))
    reasons = summary.reasons().most_common(_MOST_REASONS)
    if reasons:
        click.echo("")
        for reason, number in reasons:
            click.echo(f"  {number} times: {reason}")


def document(row: Row, summary: Summary) -> dict[str, Any]:
    """All of it."""
    times = summary.times()
    return {
        "firmware": row.name,
        "seconds": round(summary.seconds, 3),
        "outcomes": {str(outcome): number for outcome, number in summary.outcomes().items()},
        "times": {
            name: dict(zip(("median", "p90", "worst"), (round(one, 4) for one in figures), strict=True))
            for name, figures in times.items()
        },
        "machines": [_machine(one) for one in summary.played],
    }


def _machine(played: Played) -> dict[str, Any]:
    end = played.end
    return {
        "mac": played.mac,
        "outcome": str(end.outcome),
        "reason": end.reason,
        "seconds": round(played.seconds, 4),
        "reached": {str(stage): round(at, 4) for stage, at in played.reached.items()},
        "kernel": None if end.kernel is None else _document(end.kernel),
        "initrds": [_document(one) for one in end.initrds],
        "cmdline": end.cmdline,
        "timeline": [{"at": round(at, 4), "text": line} for at, line in played.timeline],
    }


def _document(image: Image) -> dict[str, Any]:
    return {"name": image.name, "size": image.size, "sha256": image.sha256}
