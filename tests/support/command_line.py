"""The `shoal` command as a user runs it: arguments in, exit code and both streams out."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Protocol

import pytest

from shoal_cli.main import app


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


class Shoal(Protocol):
    """Runs one command."""

    def __call__(self, *arguments: str) -> Ended: ...


def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shoal:
    """A function that runs the real entry point in this process."""

    def run(*arguments: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["shoal", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            app()
        captured = capsys.readouterr()
        return Ended(int(ended.value.code or 0), captured.out, captured.err)

    return run
