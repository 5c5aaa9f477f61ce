"""The figures as JSON and as a page: ratios first, since they hold on other machines too."""

from __future__ import annotations

import datetime
import json
import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import texts

PAGE = Path("docs/performance.md")
REPORT = Path("build/bench-report.json")
RUN = f"{datetime.datetime.now(datetime.UTC):%Y-%m-%dT%H:%M:%SZ}"
"""Tells the parts of this run from those of an earlier one."""


def stamped(figures: dict[str, Any]) -> dict[str, Any]:
    """Figures, with the run, and the machine as it was when they were measured."""
    return {**figures, "run": RUN, "machine": _machine()}


def write(figures: Mapping[str, dict[str, Any]]) -> str:
    """Write both, with parts that were measured only in an earlier run as they were; the page."""
    earlier = json.loads(REPORT.read_text()) if REPORT.exists() else {}
    parts = {**earlier, **figures}
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(parts, indent=2) + "\n")
    text = page(parts)
    PAGE.write_text(text)
    return text


def page(parts: Mapping[str, dict[str, Any]]) -> str:
    """The page, Markdown."""
    sections = {"images": _images, "sqswatcher": _watchers, "node_join": _joins}
    lines = [texts.HEAD]
    newest = max(part["run"] for part in parts.values())
    for name, section in sections.items():
        if name in parts:
            part = parts[name]
            note = "" if part["run"] == newest else f"; measured in an earlier run than the rest, {part['run'][:10]}"
            lines += section(part, f"{part['machine']}{note}")
    return "\n".join(lines)


def _images(part: dict[str, Any], machine: str) -> list[str]:
    cases = part["cases"]
    rows = [
        f"| {case['case']} | **{case['ratio']:.1f}** | {_range(case['rounds']['parallelcluster'])} | "
        f"{_range(case['rounds']['ours'])} |"
        for case in cases
    ]
    head = ["| case | ratio | ParallelCluster's flow, s | Shoal's flow, s |", "|---|---|---|---|"]
    rounds = len(cases[0]["rounds"]["ours"])
    return [texts.IMAGES.format(machine=machine, engine=part["engine"], rounds=rounds), *head, *rows, texts.IMAGE_NOTES]


def _watchers(part: dict[str, Any], machine: str) -> list[str]:
    head = ["| nodes | a call takes longer by | ratio | ParallelCluster 2, messages/s | Shoal, messages/s | calls |"]
    rows = [
        f"| {case['nodes']} | {case['round_trip_ms']} ms | **{case['ratio']:.1f}** | "
        f"{_range(case['rounds']['parallelcluster2'], 0)} | {_range(case['rounds']['ours'], 0)} | "
        f"{case['calls']['parallelcluster2']:.0f}, {case['calls']['ours']:.0f} |"
        for case in part["cases"]
    ]
    rounds = len(part["cases"][0]["rounds"]["ours"])
    head += ["|---|---|---|---|---|---|"]
    return [texts.WATCHERS.format(machine=machine, rounds=rounds), *head, *rows, texts.WATCHER_NOTES]


def _joins(part: dict[str, Any], machine: str) -> list[str]:
    head = ["| nodes | event | ratio | ParallelCluster 2's way, ms | Shoal's way, ms |", "|---|---|---|---|---|"]
    rows = [
        f"| {case['nodes']} | {event[:-1] if event == 'joins' else 'leave'} | **{case[event]['ratio']:.1f}** | "
        f"{_milliseconds(case[event]['rounds']['parallelcluster2'])} | {_milliseconds(case[event]['rounds']['ours'])} |"
        for case in part["cases"]
        for event in ("joins", "leaves")
    ]
    times = len(part["cases"][0]["joins"]["rounds"]["ours"])
    return [texts.JOINS.format(machine=machine, times=times), *head, *rows, texts.JOIN_NOTES]


def _range(figures: Sequence[float], digits: int = 1) -> str:
    numbers = (statistics.median(figures), min(figures), max(figures))
    middle, least, most = (f"{number:.{digits}f}" for number in numbers)
    return f"{middle} ({least} - {most})"


def _milliseconds(seconds: Sequence[float]) -> str:
    return _range([1000 * one for one in seconds], 0)


def _machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    today = datetime.datetime.now(datetime.UTC).date()
    cores = f"{os.cpu_count()} cores ({platform.machine()}), {memory:.0f} GiB"
    return f"{today}, {cores}, Linux {platform.release().partition('-')[0]}, load {os.getloadavg()[2]:.0f}"
