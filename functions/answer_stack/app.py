"""Answer CloudFormation for a custom resource that `clean_up` has served; a second time does nothing."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from shoal.aws import dynamodb, response_url
from shoal.cleanup.custom_resource import answer_body
from shoal.failure import explain
from shoal.observability import logger


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer `{"answered": bool}` for `{"answer": key, "failure"?: {state, error, cause}}`.

    Raises:
        OperationError: the address has expired.
        RetryableError: CloudFormation's address does not answer.
    """
    kept = dynamodb.read_answer(event["answer"])
    if kept is None:
        return {"answered": False}
    failure = event.get("failure")
    reason = explain(failure).cause if failure else None
    response_url.send(kept["ResponseURL"], answer_body(kept, reason=reason))
    dynamodb.forget_answer(event["answer"])
    logger.info("stack answered", stack_id=kept["StackId"], logical_id=kept["LogicalResourceId"], failed=bool(reason))
    return {"answered": True}
