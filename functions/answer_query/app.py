"""Answer what only reads: help, list and describe; takes no lock and writes nothing."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext

from shoal.aws import batch, cloudformation, dynamodb, ec2, node_table
from shoal.cluster.names import stack_name
from shoal.cluster.slurm_health import TABLE
from shoal.errors import OperationError
from shoal.observability import logger
from shoal.operation import admission, description, outcome
from shoal.operation.catalogue import help_answer
from shoal.operation.events import QueryEvent
from shoal.operation.fleet_description import fleet_description
from shoal.operation.request import Request, read_request
from shoal.settings import Settings


@logger.inject_lambda_context
@event_parser
def handler(event: QueryEvent, context: LambdaContext) -> dict[str, Any]:
    """Answer `{"route": "answered", "answer": ...}`, or a refusal."""
    try:
        request = read_request(event.input)
        if request.operation == "list":
            clusters, more = dynamodb.list_clusters(request.max_results, request.next_token)
            answer = description.page(clusters, request.cluster_status, more)
        else:
            answer = _describe(request) if request.operation == "describe" else help_answer()
    except OperationError as error:
        return outcome.refusal(error)
    return {"route": "answered", "answer": answer}


def _describe(request: Request) -> dict[str, Any]:
    settings, name = Settings.from_environment(), str(request.cluster_name)
    cluster = dynamodb.read_cluster(name)
    if cluster is None:
        raise admission.not_found(name)
    stack = cloudformation.describe_stack(stack_name(settings.name_prefix, name))
    answer = description.description(cluster, dynamodb.read_lock(name), dynamodb.last_operation(name), stack)
    answer["region"] = settings.region
    if stack is not None:
        resources = cloudformation.stack_resources(stack["StackId"])
        instances = ec2.instances(description.physical_ids(resources, "AWS::EC2::Instance"))
        answer["headNode"] = next(map(description.head_node, instances), None)
        answer |= _slurm(resources) or _batch(resources)
    return answer


def _batch(resources: list[dict[str, Any]]) -> dict[str, Any]:
    queues = batch.describe_queues(description.physical_ids(resources, "AWS::Batch::JobQueue"))
    return {"queues": [description.queue(detail) for detail in queues]}


def _slurm(resources: list[dict[str, Any]]) -> dict[str, Any]:
    """What the head node tells; nothing without a node table, as of a Batch cluster."""
    table = next(iter(description.physical_ids(resources, TABLE)), None)
    return fleet_description(node_table.head_status(table)) if table else {}
