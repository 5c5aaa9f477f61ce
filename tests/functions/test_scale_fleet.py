"""Is a fleet closed and opened by what is left to do, and does it stay as it was wanted?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.scale_fleet.app import handler
from shoal.errors import ErrorCode, OperationError, RetryableError
from tests.functions.conftest import ENVIRONMENT
from tests.support.slurm_stack import AT_ONCE, NAME, STACK, STACK_NAME, SlurmStack, summaries
from tests.support.stubs import stubs

ENVIRONMENT_ARN = "arn:aws:batch:us-east-1:123456789012:compute-environment/main"


def event(operation: str, **changed: Any) -> dict[str, Any]:
    return {
        "clusterName": NAME,
        "stackName": STACK_NAME,
        "operation": operation,
        "deadline": "2126-11-24T12:00:00Z",
    } | changed


@pytest.fixture
def stack(deployed: None) -> Iterator[SlurmStack]:
    with stubs() as aws:
        yield SlurmStack(aws, ENVIRONMENT["LEDGER_TABLE_NAME"])


def scaled(stack: SlurmStack, context: LambdaContext, operation: str, **changed: Any) -> dict[str, Any]:
    stack.status()
    stack.resources(("AWS::EC2::Volume", "vol-1"), ("AWS::EC2::Volume", "vol-2"))
    stack.metadata()
    return handler(event(operation, **changed), context)


def test_stop_closes_the_groups_and_waits_for_their_instances(stack: SlurmStack, context: LambdaContext) -> None:
    stack.group(desired=3)
    assert not scaled(stack, context, "stop")["done"]
    group = stack.described()
    suspended = [process["ProcessName"] for process in group["SuspendedProcesses"]]
    assert (group["MinSize"], group["DesiredCapacity"], suspended) == (0, 0, ["Launch"])
    assert stack.item("fleet")["status"] == "STOPPED"
    assert stack.registered()["fleetStatus"] == "STOPPED"


def test_instances_on_which_jobs_run_end_too(stack: SlurmStack, context: LambdaContext) -> None:
    stack.group(desired=3, protected=True)
    scaled(stack, context, "stop")
    assert not [one for one in stack.described()["Instances"] if one["ProtectedFromScaleIn"]]


def test_stopping_what_is_stopped_succeeds(stack: SlurmStack, context: LambdaContext) -> None:
    stack.group(desired=1)
    scaled(stack, context, "stop")
    told = scaled(stack, context, "stop")
    assert (told["done"], told["answer"]["fleetStatus"]) == (True, "STOPPED")
    assert told["answer"]["stillCosts"] == ["the head node", "EBS volumes (2)"]


def test_start_gives_the_groups_their_minimum_back(stack: SlurmStack, context: LambdaContext) -> None:
    stack.group()
    scaled(stack, context, "stop")
    told = scaled(stack, context, "start")
    group = stack.described()
    assert (group["MinSize"], group["DesiredCapacity"], group["SuspendedProcesses"]) == (2, 2, [])
    assert (told["done"], told["fleet"]) == (True, AT_ONCE)
    assert stack.item("fleet")["status"] == "RUNNING"


def test_starting_what_runs_ends_nothing(stack: SlurmStack, context: LambdaContext) -> None:
    stack.group(desired=5)
    scaled(stack, context, "start")
    assert len(stack.described()["Instances"]) == 5


def test_an_update_keeps_a_stopped_fleet_stopped(stack: SlurmStack, context: LambdaContext) -> None:
    stack.register(fleetStatus="STOPPED")
    stack.group()
    scaled(stack, context, "update")
    assert stack.described()["DesiredCapacity"] == 0


def test_an_update_touches_no_fleet_that_runs(stack: SlurmStack, context: LambdaContext) -> None:
    stack.group(desired=5, minimum=1)
    stack.status("UPDATE_COMPLETE")
    stack.resources()
    told = handler(event("update", removed=[]), context)
    assert told["done"]
    assert (stack.described()["MinSize"], stack.item("fleet")) == (1, {})


def test_a_group_that_an_update_removes_is_not_held_up_by_its_jobs(stack: SlurmStack, context: LambdaContext) -> None:
    stack.group(desired=2, protected=True)
    stack.status()
    stack.resources()
    handler(event("update", removed=["AutoScalingGroup"]), context)
    group = stack.described()
    assert [one["ProtectedFromScaleIn"] for one in group["Instances"]] == [False, False]
    assert (group["DesiredCapacity"], group["SuspendedProcesses"]) == (2, [])


def test_a_stack_that_is_being_changed_is_waited_for(stack: SlurmStack, context: LambdaContext) -> None:
    stack.group()
    stack.status("UPDATE_IN_PROGRESS")
    stack.resources()
    assert not handler(event("stop"), context)["done"]
    assert stack.described()["DesiredCapacity"] == 2


def test_a_cluster_that_was_never_complete_has_no_fleet(stack: SlurmStack, context: LambdaContext) -> None:
    stack.status("CREATE_FAILED")
    with pytest.raises(OperationError, match="its fleet cannot start") as error:
        handler(event("start"), context)
    assert error.value.code is ErrorCode.STACK_FAILED


def test_a_cluster_whose_stack_is_gone_is_not_found(stack: SlurmStack, context: LambdaContext) -> None:
    stack.aws.fail("cloudformation", "describe_stacks", "ValidationError", "x does not exist", StackName=STACK_NAME)
    with pytest.raises(OperationError) as error:
        handler(event("stop"), context)
    assert error.value.code is ErrorCode.CLUSTER_NOT_FOUND


def test_instances_that_do_not_end_are_named_at_the_deadline(stack: SlurmStack, context: LambdaContext) -> None:
    stack.group()
    with pytest.raises(OperationError, match="2 instances of shoal-genomics-main-small have not ended") as error:
        scaled(stack, context, "stop", deadline="2026-11-24T10:00:00Z")
    assert error.value.code is ErrorCode.DEADLINE_EXCEEDED


@pytest.fixture
def batch(deployed: None) -> Iterator[SlurmStack]:
    """A Batch cluster: of its fleet only the environment matters."""
    with stubs() as aws:
        yield SlurmStack(aws, ENVIRONMENT["LEDGER_TABLE_NAME"], kind="awsbatch")


def environment(stack: SlurmStack, state: str, status: str = "VALID") -> None:
    stack.status()
    resources = summaries([("AWS::Batch::ComputeEnvironment", ENVIRONMENT_ARN), ("AWS::S3::Bucket", "shoal-genomics")])
    stack.aws.expect("cloudformation", "list_stack_resources", {"StackResourceSummaries": resources}, StackName=STACK)
    described = {
        "computeEnvironmentName": "main",
        "computeEnvironmentArn": ENVIRONMENT_ARN,
        "status": status,
        "state": state,
        "computeResources": {"type": "EC2", "minvCpus": 4, "maxvCpus": 64, "subnets": []},
    }
    asked = {"computeEnvironments": [ENVIRONMENT_ARN]}
    stack.aws.expect("batch", "describe_compute_environments", {"computeEnvironments": [described]}, **asked)


def test_stop_disables_the_environments_of_a_batch_cluster(batch: SlurmStack, context: LambdaContext) -> None:
    environment(batch, "ENABLED")
    batch.aws.expect("batch", "update_compute_environment", {}, computeEnvironment=ENVIRONMENT_ARN, state="DISABLED")
    assert not handler(event("stop"), context)["done"]


def test_what_batch_keeps_running_is_told_as_what_still_costs_money(batch: SlurmStack, context: LambdaContext) -> None:
    environment(batch, "DISABLED")
    told = handler(event("stop"), context)
    assert told["done"]
    assert "4 vCPUs, the MinvCpus of its compute environments" in told["answer"]["summary"]


def test_start_enables_the_environments(batch: SlurmStack, context: LambdaContext) -> None:
    environment(batch, "DISABLED")
    batch.aws.expect("batch", "update_compute_environment", {}, computeEnvironment=ENVIRONMENT_ARN, state="ENABLED")
    assert not handler(event("start"), context)["done"]


def test_an_environment_that_is_being_changed_is_waited_for(batch: SlurmStack, context: LambdaContext) -> None:
    environment(batch, "DISABLED", status="UPDATING")
    assert not handler(event("stop"), context)["done"]


def test_an_environment_that_batch_will_not_change_now_is_tried_again(
    batch: SlurmStack, context: LambdaContext
) -> None:
    environment(batch, "ENABLED", status="UPDATING")
    asked = {"computeEnvironment": ENVIRONMENT_ARN, "state": "DISABLED"}
    message = "Cannot update, resource is being modified."
    batch.aws.fail("batch", "update_compute_environment", "ClientException", message, **asked)
    with pytest.raises(RetryableError):
        handler(event("stop"), context)
