"""What validators find, and which findings stop an operation."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import IntEnum

from shoal.cluster.problems import Problem


class Level(IntEnum):
    """How bad a finding is, as in ParallelCluster's `validationFailureLevel`."""

    INFO = 20
    WARNING = 30
    ERROR = 40


@dataclass(frozen=True)
class Finding:
    """What one validator found at one key."""

    validator: str
    """Its name, as `suppressValidators` names it after `type:`."""
    path: str
    message: str
    suggestion: str
    level: Level = Level.ERROR
    always: bool = False
    """Whether it stops the operation even when suppressed: nothing can be rendered without the fact that is missing."""

    @property
    def problem(self) -> Problem:
        """The finding in the form of a configuration's other problems."""
        return Problem(self.path, self.validator, f"{self.path} {self.message}", self.suggestion)

    def to_message(self) -> dict[str, str]:
        """The finding in the form of ParallelCluster's `validationMessages`."""
        return {
            "id": self.validator,
            "type": self.validator,
            "level": self.level.name,
            "message": f"{self.path} {self.message}; {self.suggestion}",
        }


def unsuppressed(findings: Iterable[Finding], suppress: Collection[str]) -> tuple[Finding, ...]:
    """The findings that remain.

    Args:
        findings: all of them.
        suppress: `ALL`, or `type:` and the name of a validator, any number.
    """
    return tuple(
        finding
        for finding in findings
        if finding.always or not ("ALL" in suppress or f"type:{finding.validator}" in suppress)
    )


def stopping(findings: Iterable[Finding], failure_level: str) -> tuple[Finding, ...]:
    """The findings at or above `validationFailureLevel` (`INFO`, `WARNING`, `ERROR`), which stop the operation."""
    return tuple(finding for finding in findings if finding.always or finding.level >= Level[failure_level])
