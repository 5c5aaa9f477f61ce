"""The phases of a build, run as CodeBuild runs them; knows nothing of AWS or of the server.

AWS: https://docs.aws.amazon.com/codebuild/latest/userguide/view-build-details-phases.html - the order of the phases,
and what follows a failed one: POST_BUILD runs after a failed BUILD, a failed INSTALL or PRE_BUILD ends the build.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from embedded_aws.builds.buildspec import Buildspec, Phase
from embedded_aws.builds.interruption import TIMED_OUT, Interruption
from embedded_aws.builds.shell import Shell

SUCCEEDED = "SUCCEEDED"
FAILED = "FAILED"


@dataclass(frozen=True)
class Context:
    """Why a phase ended as it did; both empty when it went well."""

    status_code: str = ""
    message: str = ""


@dataclass(frozen=True)
class Reports:
    """Whom a build tells what it does."""

    line: Callable[[str], None]
    """Takes a line of the log."""
    phase_started: Callable[[str], None]
    """Takes the phase's type, `PRE_BUILD`."""
    phase_ended: Callable[[str, str, Context], None]
    """Takes the phase's type, its status and why."""


class Runner:
    """One build's commands."""

    def __init__(self, spec: Buildspec, shell: Shell, interruption: Interruption, reports: Reports) -> None:
        self._spec, self._shell, self._interruption, self._reports = spec, shell, interruption, reports

    def run(self) -> str:
        """Run all phases that are due; `SUCCEEDED`, `FAILED`, `STOPPED` or `TIMED_OUT`."""
        result = SUCCEEDED
        for phase in self._spec.phases:
            status = self._phase(phase)
            if status not in (SUCCEEDED, FAILED):
                return status
            if status == FAILED:
                result = FAILED
                if not phase.goes_on:
                    break
        return result

    def exported(self, secret: Iterable[str]) -> list[dict[str, str]]:
        """The variables that the buildspec exports; CodeBuild hands out neither secrets nor `AWS_*`.

        https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html#build-spec.env.exported-variables
        """
        values, hidden = self._shell.variables(), set(secret)
        names = (name for name in self._spec.exported if not name.startswith("AWS_") and name not in hidden)
        return [{"name": name, "value": values.get(name, "")} for name in names]

    def _phase(self, phase: Phase) -> str:
        phase_type = phase.name.upper()
        self._reports.phase_started(phase_type)
        self._say(f"Entering phase {phase_type}")
        context = self._commands(phase.commands)
        if self._interruption.reason is None:
            in_the_end = self._commands(phase.final_commands)
            context = context if context.status_code else in_the_end
        status = self._interruption.reason or (FAILED if context.status_code else SUCCEEDED)
        if self._interruption.reason:
            timed_out = self._interruption.reason == TIMED_OUT
            context = Context("BUILD_TIMED_OUT", "Build has timed out. ") if timed_out else Context()
        if status != SUCCEEDED:
            self._shell.export("CODEBUILD_BUILD_SUCCEEDING", "0")
        self._say(f"Phase complete: {phase_type} State: {status}")
        self._say(f"Phase context status code: {context.status_code} Message: {context.message}")
        self._reports.phase_ended(phase_type, status, context)
        return status

    def _commands(self, commands: Iterable[str]) -> Context:
        """Run commands until one fails or the build is to end."""
        for command in commands:
            if self._interruption.reason:
                break
            self._say(f"Running command {command}")
            status = self._shell.run(command, self._reports.line)
            if status != 0 and self._interruption.reason is None:
                self._say(f"Command did not exit successfully {command} exit status {status}")
                message = f"Error while executing command: {command}. Reason: exit status {status}"
                return Context("COMMAND_EXECUTION_ERROR", message)
        return Context()

    def _say(self, message: str) -> None:
        now = datetime.datetime.now(datetime.UTC)
        self._reports.line(f"[Container] {now:%Y/%m/%d %H:%M:%S.%f} {message}")
