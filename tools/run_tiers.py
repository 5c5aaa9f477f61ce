"""Run the checks and the tests tier by tier, and end with one summary: what passed, and how long each tier took.

Every tier runs, also after one failed, so that one run shows all that is wrong.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / ".venv" / "bin"
SAM = ROOT / ".tools" / "sam" / "bin" / "sam"
INDENT = 33
"""Columns before what a tier's line of the summary counts."""
PYTEST = (str(BIN / "pytest"), "-q", "--no-header", "-rfEs")


@dataclass(frozen=True)
class Tier:
    """Commands that answer one question; the first word of a tier selects it on the command line."""

    name: str
    question: str
    commands: tuple[tuple[str, ...], ...]
    on_request: bool = False
    """Whether it runs only where it is selected."""


TIERS = (
    Tier(
        "checks",
        "is it well formed?",
        (
            (str(BIN / "ruff"), "check", "--quiet", "."),
            (str(BIN / "ruff"), "format", "--quiet", "--check", "."),
            (str(BIN / "mypy"), "--no-error-summary"),
            (str(BIN / "lint-imports"), "--no-logo"),
            (str(SAM), "validate", "--lint"),
        ),
    ),
    Tier("template", "is it wired, named and bounded?", ((*PYTEST, "tests/template"),)),
    Tier("unit", "is the decision right?", ((*PYTEST, "-n", "2", "tests/unit"),)),
    Tier("functions", "do event, handler and result fit?", ((*PYTEST, "-n", "2", "tests/functions"),)),
    Tier("statemachines", "which path, after which failure?", ((*PYTEST, "-n", "2", "tests/statemachines"),)),
    Tier("nodes", "does a node become what it should?", ((*PYTEST, "tests/nodes"),)),
    Tier("slurm", "do nodes join and leave real Slurm?", ((*PYTEST, "-n", "3", "tests/slurm"),)),
    Tier("instances", "does a node come up from its power-on?", ((*PYTEST, "tests/instances"),)),
    Tier("embedded_aws", "does the embedded AWS behave as AWS?", ((*PYTEST, "-n", "2", "tests/embedded_aws"),)),
    Tier("containers", "are images built and jobs run for real?", ((*PYTEST, "tests/containers"),)),
    Tier("life", "does the whole run, under its own roles?", ((*PYTEST, "tests/life"),)),
    Tier("vm", "does a kernel of its own do what a container lacks?", ((*PYTEST, "tests/vm"),), on_request=True),
)


def run(tier: Tier) -> tuple[bool, str, float]:
    """Run a tier's commands; whether all passed, what pytest counted and why it skipped something, seconds."""
    began, passed, counted, reasons = time.monotonic(), True, [], []
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    for command in tier.commands:
        done = subprocess.run(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        if done.returncode != 0:
            passed = False
            print(done.stdout.rstrip(), flush=True)
            print(f"failed: {' '.join(command)}", flush=True)
        last = (done.stdout.strip().splitlines() or [""])[-1]
        summary = re.findall(r"\d+ (?:passed|failed|errors?|skipped)", last)
        counted += summary or [f"{Path(command[0]).name} {'ok' if done.returncode == 0 else 'failed'}"]
        reasons += _reasons(done.stdout)
    told = [", ".join(counted), *(f"skipped: {reason}" for reason in dict.fromkeys(reasons))]
    return passed, f"\n{' ' * INDENT}".join(told), time.monotonic() - began


def _reasons(output: str) -> list[str]:
    """Why pytest skipped tests, as it tells after them: `SKIPPED [2] tests/nodes/test_a.py:9: no such device`."""
    return re.findall(r"^SKIPPED \[\d+\] \S+?:(?:\d+:)? (.+)$", output, re.MULTILINE)


def main(selected: list[str], tiers: tuple[Tier, ...] = TIERS) -> int:
    """Run the selected tiers, or all but those that run on request; 0 when all passed."""
    known = {tier.name for tier in tiers}
    if not known.issuperset(selected):
        unknown = " ".join(sorted(set(selected) - known))
        print(f"unknown tier {unknown}; there are: {' '.join(tier.name for tier in tiers)}", file=sys.stderr)
        return 2
    results = []
    for tier in tiers:
        if tier.name not in selected if selected else tier.on_request:
            continue
        print(f"== {tier.name}: {tier.question}", flush=True)
        results.append((tier, *run(tier)))
    print("\nsummary")
    for tier, passed, counted, seconds in results:
        print(f"  {'ok    ' if passed else 'FAILED'} {tier.name:14} {seconds:6.0f} s  {counted}")
    failed = sum(not passed for _, passed, _, _ in results)
    print(f"{len(results) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
