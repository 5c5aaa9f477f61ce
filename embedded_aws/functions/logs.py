"""A function's log lines reach CloudWatch Logs only where its role lets them.

AWS: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html - the execution role needs
`logs:CreateLogStream` and `logs:PutLogEvents`, and `logs:CreateLogGroup` when the log group does not exist; what it
may not write is lost, silently. MiniStack writes everything and makes the log group itself, so a template that
forgets a log group, or the right to write to it, looks fine, and leaves groups behind that never expire.
"""

from __future__ import annotations

from typing import Any

from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (
    ("services.lambda_svc", "_emit_lambda_logs"),
    ("services.cloudwatch_logs", "_log_groups"),
    ("core.lambda_runtime", "execution_credentials"),
    ("core.iam_evaluator", "enforce"),
)


def install() -> None:
    """Ask the role before MiniStack writes."""
    from ministack.services import lambda_svc

    write = lambda_svc._emit_lambda_logs

    def emit(function: dict[str, Any], *arguments: Any, **named: Any) -> None:
        if _may_write(function.get("config") or function):
            write(function, *arguments, **named)

    lambda_svc._emit_lambda_logs = emit


def _may_write(config: dict[str, Any]) -> bool:
    from ministack.core import iam_evaluator, lambda_runtime
    from ministack.services import cloudwatch_logs

    partition, _, region, account = str(config["FunctionArn"]).split(":")[1:5]
    logging = config.get("LoggingConfig") or {}
    group = str(logging.get("LogGroup") or f"/aws/lambda/{config['FunctionName']}")
    arn = f"arn:{partition}:logs:{region}:{account}:log-group:{group}:log-stream:"
    key = lambda_runtime.execution_credentials(config)["AWS_ACCESS_KEY_ID"]
    needed = [("logs:CreateLogStream", arn), ("logs:PutLogEvents", f"{arn}any")]
    if group not in cloudwatch_logs._log_groups:
        needed.insert(0, ("logs:CreateLogGroup", arn))
    return not any(iam_evaluator.enforce(key, action, "logs", region, resource) for action, resource in needed)
