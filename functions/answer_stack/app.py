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
    """Answer `{"answered": bool, "code"?, "cause"?}` for `{"answer": key, "failure"?: {state, error, cause}}`.

    Raises:
        OperationError: the address has expired.
        RetryableError: CloudFormation's address does not answer.
    """
    failure = explain(event["failure"]) if "failure" in event else None
    told = {"code": failure.code, "cause": failure.cause} if failure else {}
    kept = dynamodb.read_answer(event["answer"])
    if kept is None:
        return {"answered": False, **told}
    response_url.send(kept["ResponseURL"], answer_body(kept, reason=told.get("cause")))
    dynamodb.forget_answer(event["answer"])
    logger.info("stack answered", stack_id=kept["StackId"], logical_id=kept["LogicalResourceId"], failed=bool(told))
    return {"answered": True, **told}
