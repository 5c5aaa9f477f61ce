"""Is a cluster looked at as its services have it?"""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.stub import Stubber

from functions.check_cluster.app import handler
from shoal.aws import session
from shoal.errors import OperationError

STACK = "arn:aws:cloudformation:us-east-1:111111111111:stack/shoal-cluster-genomics/0a1b"
ENVIRONMENT = "arn:aws:batch:us-east-1:111111111111:compute-environment/main"
QUEUE = "arn:aws:batch:us-east-1:111111111111:job-queue/main"
IMAGE = {"repositoryName": "shoal/genomics", "imageTag": "0a1b2c"}


def run_head_node() -> str:
    ec2 = boto3.client("ec2")
    image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    return str(ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"])


@pytest.fixture
def there() -> Any:
    """A stack with one of each, and Batch as the test says it is."""
    boto3.client("ecr").create_repository(repositoryName=IMAGE["repositoryName"])
    physical = {"AWS::EC2::Instance": run_head_node(), "AWS::Batch::ComputeEnvironment": ENVIRONMENT}
    physical["AWS::Batch::JobQueue"] = QUEUE

    def answer(context: LambdaContext, *, status: str = "VALID", images: Any = ()) -> Any:
        resources = [
            {
                "LogicalResourceId": kind.split(":")[-1],
                "PhysicalResourceId": physical_id,
                "ResourceType": kind,
                "LastUpdatedTimestamp": "2026-11-24",
                "ResourceStatus": "CREATE_COMPLETE",
            }
            for kind, physical_id in physical.items()
        ]
        environment = {
            "computeEnvironmentName": "main",
            "computeEnvironmentArn": ENVIRONMENT,
            "status": status,
            "state": "ENABLED",
            "statusReason": "CLIENT_ERROR - Not authorized to perform sts:AssumeRole",
        }
        queue = {
            "jobQueueName": "main",
            "jobQueueArn": QUEUE,
            "state": "ENABLED",
            "status": "VALID",
            "priority": 1,
            "computeEnvironmentOrder": [],
        }
        with Stubber(session.client("cloudformation")) as stacks, Stubber(session.client("batch")) as batch:
            stacks.add_response("list_stack_resources", {"StackResourceSummaries": resources})
            batch.add_response("describe_compute_environments", {"computeEnvironments": [environment]})
            batch.add_response("describe_job_queues", {"jobQueues": [queue]})
            given = {"images": images, "fleet": None, "since": "2026-11-24T10:00:00Z"}
            return handler({"clusterName": "genomics", "stackId": STACK, **given}, context)

    return answer


def test_a_cluster_whose_parts_all_work_is_ready(there: Any, context: LambdaContext) -> None:
    answer = there(context)
    assert (answer["ready"], answer["problems"]) == (True, [])
    assert "0a1b" in answer["links"]["stack"]


def test_a_cluster_without_its_image_is_not_ready(there: Any, context: LambdaContext) -> None:
    answer = there(context, images=[IMAGE])
    assert (answer["ready"], answer["problems"]) == (False, ["the image 0a1b2c is not in the repository"])


def test_an_invalid_environment_fails_with_batchs_reason(there: Any, context: LambdaContext) -> None:
    with pytest.raises(OperationError, match="INVALID: CLIENT_ERROR - Not authorized"):
        there(context, status="INVALID")
