"""What the catalogue knows of an operation: its fields and an example."""

from __future__ import annotations

import json

from shoal.operation.catalogue import CATALOGUE, Operation

FIELDS = {
    "clusterName": "`[a-z][a-z0-9-]{0,30}`",
    "clusterConfiguration": "the configuration, as an object or as YAML text; at most 64 KB",
    "clusterConfigurationUri": "`s3://bucket/key` in a bucket of this account; instead of `clusterConfiguration`",
    "suppressValidators": 'list of `"ALL"` or `"type:<validator>"`; findings of these are not told and stop nothing',
    "validationFailureLevel": "`INFO`, `WARNING` or `ERROR` (default): the least level that stops the operation",
    "dryrun": "`true`: answer the plan and change nothing; default `false`",
    "force": "`true`: build even what is in the repository already; default `false`",
    "rollbackOnFailure": "`false`: leave what a failed create has made, to be looked at; default `true`",
    "deadlineMinutes": "5 to 1440, default 120; clean-up after a failed create has 60 minutes more",
    "clusterStatus": "list of statuses; only clusters that have one of them",
    "maxResults": "1 to 100, default 100",
    "nextToken": "from the page before",
}
"""Every field of an input and what may stand in it."""


def blocks() -> dict[str, str]:
    """The generated block of each operation."""
    return {name: _block(operation) for name, operation in CATALOGUE.items()}


def _block(operation: Operation) -> str:
    lines = [operation.summary, "", "```json", json.dumps(operation.example), "```"]
    if operation.required or operation.optional:
        lines += ["", "| field | | |", "|---|---|---|"]
        lines += [f"| `{field}` | required | {FIELDS[field]} |" for field in operation.required]
        lines += [f"| `{field}` | optional | {FIELDS[field]} |" for field in operation.optional]
    return "\n".join(lines)
