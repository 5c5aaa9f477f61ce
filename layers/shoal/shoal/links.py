"""Links into the AWS console, for the one line that a user reads."""

from __future__ import annotations

from urllib.parse import quote

_CONSOLES = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
}
"""https://docs.aws.amazon.com/general/latest/gr/aws-arns-and-namespaces.html lists the partitions."""


def stack(stack_id: str, tab: str = "events") -> str:
    """A stack's page; partition and Region are those of its ARN."""
    _, partition, _, region, *_ = stack_id.split(":")
    console = f"https://{region}.{_CONSOLES.get(partition, _CONSOLES['aws'])}"
    return f"{console}/cloudformation/home?region={region}#/stacks/{tab}?stackId={quote(stack_id, safe='')}"


def repository(partition: str, region: str, account_id: str, name: str) -> str:
    """An ECR repository's page."""
    console = f"https://{region}.{_CONSOLES.get(partition, _CONSOLES['aws'])}"
    return f"{console}/ecr/repositories/private/{account_id}/{name}?region={region}"


def log_stream(any_arn: str, group: str, name: str) -> str:
    """A log stream's page; partition and Region are those of any ARN of the same account.

    The console wants names encoded twice, with `$` in place of the second `%`.
    """
    _, partition, _, region, *_ = any_arn.split(":")
    console = f"https://{region}.{_CONSOLES.get(partition, _CONSOLES['aws'])}"
    where = "/log-events/".join(quote(quote(part, safe=""), safe="").replace("%", "$") for part in (group, name))
    return f"{console}/cloudwatch/home?region={region}#logsV2:log-groups/log-group/{where}"
