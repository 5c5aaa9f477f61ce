"""Why a build failed, in one line with the end of its log, and whether to wait and try again is all that it needs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from shoal.errors import ErrorCode
from shoal.failure import LONGEST_CAUSE, Failure, one_line
from shoal.log_lines import LAST_LINES, LONGEST_LINE, cleaned, told_lines

_BUILD_ARN = re.compile(r":build/([A-Za-z0-9][A-Za-z0-9_-]*:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")
_AGENT = "[Container] "
"""How the lines begin that CodeBuild itself writes."""
_EXIT = re.compile(r"Error while executing command: (?P<command>.*)\. Reason: exit status (?P<code>\d+)", re.DOTALL)
_STEP = re.compile(r"(#\d+ )?\d+\.\d+ ")
"""How BuildKit's lines begin that a command of the Dockerfile has written."""
_PULL_LIMIT = re.compile(r"\btoomanyrequests\b|(/v2/\S+|status code \[[^\]]*\]): 429 Too Many Requests")
"""What Docker Hub, ECR Public and others answer who has pulled too much; 429 of any other server is no such thing.
https://distribution.github.io/distribution/spec/api/#errors-2, https://docs.docker.com/docker-hub/usage/pulls/
"""
_THROTTLING = re.compile(r"Rate exceeded|Throttling|TooManyRequests", re.IGNORECASE)
_NEXT_ACTIONS = {
    "FAILED": "correct what the log names, then ask for the same operation again",
    "FAULT": "ask for the same operation again; the fault is CodeBuild's",
    "STOPPED": "ask for the same operation again",
    "TIMED_OUT": "make the build quicker, or give it a larger BuildTimeout and the operation a larger deadlineMinutes",
}


def failed_build(cause: str) -> str | None:
    """The id of the build that a machine's `codebuild:startBuild.sync` waited for.

    Args:
        cause: the Cause of its `States.TaskFailed`: the build as JSON, but Step Functions cuts it at 32,768
            characters, so it is not read as JSON.
    """
    found = _BUILD_ARN.search(cause)
    return found[1] if found else None


def explain_build(build: Mapping[str, Any], log_lines: Sequence[str]) -> Failure:
    """Say why a build failed.

    Args:
        build: the build as BatchGetBuilds describes it,
            https://docs.aws.amazon.com/codebuild/latest/APIReference/API_Build.html
        log_lines: the end of its log, oldest line first.
    """
    status = build["buildStatus"]
    phase = next((phase for phase in build["phases"] if _failed(phase)), {"phaseType": "COMPLETED"})
    told = f"build {build['id']}: {_reason(status, phase, build['timeoutInMinutes'])}"
    output = last_lines(log_lines) if status in {"FAILED", "TIMED_OUT"} else []
    return Failure(
        code=ErrorCode.BUILD_FAILED,
        cause=_with_output(one_line(told), output),
        resource=build["projectName"],
        link=build.get("logs", {}).get("deepLink"),
        next_action=_NEXT_ACTIONS.get(status),
        log=told_lines(output),
    )


def awaited(error: str, cause: str, log_lines: Sequence[str]) -> str | None:
    """What a build that failed, or could not be started, has to wait for; none when waiting would not help it.

    Args:
        error: what the machine caught, https://docs.aws.amazon.com/step-functions/latest/dg/connect-codebuild.html.
        cause: its cause.
        log_lines: the end of the log of a build that failed, oldest line first.

    Returns:
        A sentence for the one who finds that it was waited for until the deadline, in vain.
    """
    if error == "CodeBuild.AccountLimitExceededException":
        return (
            "CodeBuild had no room for another build before the deadline: the quota of concurrent builds is used up, "
            "or 0 as in new accounts; wait for the other builds, or ask for a larger quota"
        )
    if error.startswith("CodeBuild.") and _THROTTLING.search(cause):
        return "CodeBuild took no more calls before the deadline (throttling); start fewer builds at once"
    limited = next((line for line in reversed(last_lines(log_lines)) if _is_pull_limit(line)), None)
    if limited is None:
        return None
    return one_line(
        "the registry of an image that the build needs let nobody pull more before the deadline: its limit of pulls "
        "is reached. Name it through a pull-through cache of Amazon ECR, which can log in there, or build later; "
        f"log: {limited[:LONGEST_LINE]}"
    )


def _is_pull_limit(line: str) -> bool:
    return bool(_PULL_LIMIT.search(line)) and not _STEP.match(line)


def _failed(phase: Mapping[str, Any]) -> bool:
    return phase.get("phaseStatus", "SUCCEEDED") not in {"SUCCEEDED", "IN_PROGRESS", "QUEUED"}


def _reason(status: str, phase: Mapping[str, Any], minutes: int) -> str:
    name = phase["phaseType"]
    if status == "TIMED_OUT":
        return f"phase {name} was not done when the build's {minutes} minutes were over"
    if status == "STOPPED":
        return f"it was stopped in phase {name}"
    contexts: list[dict[str, str]] = phase.get("contexts", [])
    context = next((context for context in contexts if context.get("statusCode")), {})
    command = _EXIT.search(context.get("message", ""))
    if command:
        return f"phase {name} failed with exit code {command['code']}: {one_line(command['command'])}"
    detail = ": ".join(part for part in (context.get("statusCode"), context.get("message")) if part)
    return f"phase {name} failed" + (f": {detail.strip()}" if detail else "")


def last_lines(lines: Sequence[str]) -> list[str]:
    """What the failed command printed last: CodeBuild's own lines and those of later phases tell nothing new."""
    plain = [one_line(cleaned(line)) for line in lines]
    end = next((n for n, line in enumerate(plain) if "Command did not exit successfully" in line), len(plain))
    return [line for line in plain[:end] if line and not line.startswith(_AGENT)][-LAST_LINES:]


def _with_output(told: str, output: Sequence[str]) -> str:
    """The cause with as many of the last lines as fit, the newest ones before all."""
    kept: list[str] = []
    room = LONGEST_CAUSE - len(told) - len("; log: ")
    for line in reversed(output):
        room -= len(line) + len(" | ")
        if room < 0:
            break
        kept.insert(0, line)
    return f"{told}; log: {' | '.join(kept)}" if kept else told
