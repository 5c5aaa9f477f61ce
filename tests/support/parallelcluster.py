"""The released ParallelCluster as an oracle: asks it, in its own environment, what it makes of a configuration."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".tools" / "pcluster" / "bin" / "python"
WORKER = Path(__file__).with_name("parallelcluster_oracle.py")

NO_AWS = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}
"""It reads capacity reservations while it reads a configuration; without credentials it asks nobody."""


@dataclass(frozen=True)
class Answer:
    """What ParallelCluster says: where something is wrong, or the configuration with all its defaults.

    Neither, where it stumbles over a configuration that its schema should have refused.
    """

    paths: tuple[str, ...]
    values: Mapping[str, Any] | None
    messages: tuple[str, ...] = ()
    stumbles: bool = False


class ParallelCluster:
    """One long-lived process of ParallelCluster 3.15.1, the last release with AWS Batch."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [PYTHON, WORKER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | NO_AWS,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def keys(self) -> list[dict[str, Any]]:
        """Every key of its schema: `path`, `type`, `required`, and where they are `choices`, `range`, `pattern`."""
        keys: list[dict[str, Any]] = self._ask({"ask": "keys"})["keys"]
        return keys

    def load(self, configuration: Mapping[str, Any]) -> Answer:
        """What it makes of a configuration."""
        answer = self._ask({"ask": "load", "configuration": configuration})
        problems = answer.get("problems", [])
        return Answer(
            paths=tuple(problem["path"] for problem in problems),
            values=answer.get("values"),
            messages=tuple(problem["message"] for problem in problems),
            stumbles="stumbles" in answer,
        )

    def _ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer
