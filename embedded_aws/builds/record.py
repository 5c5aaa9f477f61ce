"""The record of a build, as BatchGetBuilds shows it, and the events that tell of its changes.

AWS: https://docs.aws.amazon.com/codebuild/latest/userguide/sample-build-notifications.html#sample-build-notifications-ref
- `CodeBuild Build State Change` and `CodeBuild Build Phase Change`.
"""

from __future__ import annotations

import json
import time
from typing import Any

from embedded_aws.builds.runner import Context


class Record:
    """A build while it runs; MiniStack answers from the same dictionary at any time."""

    def __init__(self, build: dict[str, Any]) -> None:
        self.build = build
        self._started: float = build["startTime"]

    def start_phase(self, phase_type: str) -> None:
        """Enter a phase."""
        self._started = _now()
        self.build["phases"].append({"phaseType": phase_type, "phaseStatus": "IN_PROGRESS", "startTime": self._started})
        self.build["currentPhase"] = phase_type

    def end_phase(self, phase_type: str, status: str, context: Context | None = None) -> None:
        """Leave the phase that was entered last."""
        end, context = _now(), context or Context()
        self.build["phases"][-1] = {
            "phaseType": phase_type,
            "phaseStatus": status,
            "startTime": self._started,
            "endTime": end,
            "durationInSeconds": int(end - self._started),
            "contexts": [{"statusCode": context.status_code, "message": context.message}],
        }
        self._emit(
            "CodeBuild Build Phase Change",
            {
                "completed-phase": phase_type,
                "completed-phase-status": status,
                "completed-phase-context": f"[{context.status_code}: {context.message}]",
            },
        )

    def pass_phase(self, phase_type: str) -> None:
        """A phase in which nothing happens here."""
        self.start_phase(phase_type)
        self.end_phase(phase_type, "SUCCEEDED")

    def finish(self, status: str) -> None:
        """End the build; its state changes last, when everything else is in place."""
        self.pass_phase("FINALIZING")
        self.build["phases"].append({"phaseType": "COMPLETED", "startTime": _now()})
        self.build |= {"currentPhase": "COMPLETED", "endTime": _now(), "buildComplete": True, "buildStatus": status}
        self.state_changed()

    def state_changed(self) -> None:
        """Tell the default event bus of the build's state."""
        build = self.build
        information = {
            key: build[name]
            for key, name in {
                "artifact": "artifacts",
                "environment": "environment",
                "timeout-in-minutes": "timeoutInMinutes",
                "build-complete": "buildComplete",
                "initiator": "initiator",
                "build-number": "buildNumber",
                "source": "source",
                "logs": "logs",
                "phases": "phases",
                "build-start-time": "startTime",
            }.items()
        }
        self._emit(
            "CodeBuild Build State Change",
            {
                "build-status": build["buildStatus"],
                "current-phase": build["currentPhase"],
                "current-phase-context": "[: ]",
                "additional-information": information,
            },
        )

    def _emit(self, detail_type: str, detail: dict[str, Any]) -> None:
        from ministack.services import eventbridge

        common = {"project-name": self.build["projectName"], "build-id": self.build["arn"], "version": "1"}
        entry = {
            "Source": "aws.codebuild",
            "DetailType": detail_type,
            "Resources": [self.build["arn"]],
            "Detail": json.dumps(detail | common),
        }
        eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)


def _now() -> float:
    """Seconds since 1970 with milliseconds, as AWS's timestamps have them."""
    return round(time.time(), 3)
