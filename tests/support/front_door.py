"""Operations on a deployed Shoal, as its users ask for them, and what is there before and after."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from boto3.dynamodb.types import TypeDeserializer

from embedded_aws.process import ACCOUNT_ID, REGION, Server
from shoal_cli.application import Application, connect
from shoal_cli.deploying import deploy_into
from shoal_cli.life import leftovers, surroundings
from tests.support.polling import until

PREFIX = "shoal"
BUCKET = f"{PREFIX}-control-{ACCOUNT_ID}-{REGION}"
SECONDS = 90.0


def deployed(server: Server, state_dir: Path) -> FrontDoor:
    """Shoal, built and deployed by the SAM CLI, and a network for clusters."""
    deploy_into(server)
    application = connect(local=True, prefix=PREFIX, state_dir=state_dir)
    return FrontDoor(server, application, surroundings.make_subnet(application))


@dataclass(frozen=True)
class Ended:
    """How an execution ended."""

    arn: str
    status: str
    """Step Functions' own."""
    answer: dict[str, Any]
    error: str
    cause: str


@dataclass(frozen=True)
class FrontDoor:
    """The front door of one deployment, with everything around it."""

    server: Server
    application: Application
    subnet: str
    _clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        """A client as the account's root; one for each service, since making one takes longer than most calls."""
        if service not in self._clients:
            self._clients[service] = self.application.client(service)
        return self._clients[service]

    def start(self, data: Any, machine: str = "run-operation", name: str | None = None) -> str:
        """Start an execution; its ARN."""
        arn = self.application.machine_arn.replace(f"{PREFIX}-run-operation", f"{PREFIX}-{machine}")
        named = {"name": name} if name else {}
        answer = self.client("stepfunctions").start_execution(stateMachineArn=arn, input=json.dumps(data), **named)
        return str(answer["executionArn"])

    def wait(self, arn: str, seconds: float = SECONDS) -> Ended:
        """How an execution ends."""

        def ended() -> dict[str, Any] | None:
            found: dict[str, Any] = self.client("stepfunctions").describe_execution(executionArn=arn)
            return found if found["status"] != "RUNNING" else None

        found = until(ended, seconds, f"the end of {arn}")
        assert found is not None
        answer = json.loads(found["output"]) if "output" in found else {}
        return Ended(arn, found["status"], answer, found.get("error", ""), found.get("cause", ""))

    def run(self, data: Any, machine: str = "run-operation") -> Ended:
        """Start an execution and wait for its end."""
        return self.wait(self.start(data, machine))

    def begin(self, operation: str, cluster: str, configuration: Any = None, **fields: Any) -> str:
        """Start an operation on a cluster; the execution's ARN."""
        given = {} if configuration is None else {"clusterConfiguration": configuration}
        return self.start({"operation": operation, "clusterName": cluster, **given, **fields})

    def operate(self, operation: str, cluster: str, configuration: Any = None, **fields: Any) -> Ended:
        """Carry out an operation on a cluster."""
        return self.wait(self.begin(operation, cluster, configuration, **fields))

    def succeed(self, operation: str, cluster: str, configuration: Any = None, **fields: Any) -> dict[str, Any]:
        """Carry out an operation that must succeed; its answer."""
        ended = self.operate(operation, cluster, configuration, **fields)
        assert ended.status == "SUCCEEDED", f"{operation}: {ended.error}: {ended.cause}"
        return ended.answer

    def state(self) -> leftovers.State:
        """Everything that exists in the account."""
        return leftovers.state(self.server)

    def left_since(self, before: leftovers.State) -> list[str]:
        """What there is now and was not before; the history in the Region's bucket apart."""
        return leftovers.left_behind(before, self.state(), BUCKET)

    def item(self, kind: str, name: str) -> dict[str, Any] | None:
        """An item of the ledger."""
        key = {"pk": {"S": kind}, "sk": {"S": name}}
        found = self.client("dynamodb").get_item(TableName=f"{PREFIX}-ledger", Key=key, ConsistentRead=True)
        read = TypeDeserializer().deserialize
        return {name: read(value) for name, value in found["Item"].items()} if "Item" in found else None

    def stack(self, cluster: str) -> dict[str, Any] | None:
        """A cluster's stack, unless it is deleted."""
        cloudformation = self.client("cloudformation")
        pages = cloudformation.get_paginator("describe_stacks").paginate()
        found = [stack for page in pages for stack in page["Stacks"]]
        return next((stack for stack in found if stack["StackName"] == f"{PREFIX}-cluster-{cluster}"), None)

    def resources(self, cluster: str) -> dict[str, dict[str, Any]]:
        """The resources of a cluster's stack by logical id."""
        pages = self.client("cloudformation").get_paginator("list_stack_resources")
        found = pages.paginate(StackName=f"{PREFIX}-cluster-{cluster}")
        return {item["LogicalResourceId"]: item for page in found for item in page["StackResourceSummaries"]}

    def until_made(self, cluster: str, logical_id: str) -> None:
        """Wait until a resource of a stack that is being created is there."""

        def made() -> bool:
            if self.stack(cluster) is None:
                return False
            found = self.resources(cluster).get(logical_id, {})
            return found.get("ResourceStatus") == "CREATE_COMPLETE"

        until(made, SECONDS, f"{logical_id} of {cluster}")

    def fail_once(self, service: str, action: str, error: str, match: str = "", times: int = 1) -> None:
        """Let the next matching call of a state machine fail."""
        rule = {"service": service, "action": action, "error": error, "match": match, "times": times}
        self.server.call("POST", "/_shoal/faults", {"rules": [rule]})


@contextmanager
def foreign_queue(shoal: FrontDoor, name: str) -> Iterator[None]:
    """A job queue that no cluster owns, so that no cluster's stack can make one of this name; gone afterwards."""
    batch, environment = shoal.client("batch"), f"foreign-{name}"

    def status(kind: str) -> str:
        if kind == "queue":
            found = batch.describe_job_queues(jobQueues=[name])["jobQueues"]
        else:
            found = batch.describe_compute_environments(computeEnvironments=[environment])["computeEnvironments"]
        return found[0]["status"] if found else "GONE"

    batch.create_compute_environment(computeEnvironmentName=environment, type="UNMANAGED", state="ENABLED")
    until(lambda: status("environment") == "VALID")
    order = [{"order": 1, "computeEnvironment": environment}]
    batch.create_job_queue(jobQueueName=name, priority=1, computeEnvironmentOrder=order)
    until(lambda: status("queue") == "VALID")
    yield
    assert batch.describe_job_queues(jobQueues=[name])["jobQueues"][0]["state"] == "ENABLED", "it is not the cluster's"
    batch.update_job_queue(jobQueue=name, state="DISABLED")
    until(lambda: status("queue") == "VALID")
    batch.delete_job_queue(jobQueue=name)
    until(lambda: status("queue") == "GONE")
    batch.update_compute_environment(computeEnvironment=environment, state="DISABLED")
    until(lambda: status("environment") == "VALID")
    batch.delete_compute_environment(computeEnvironment=environment)
    until(lambda: status("environment") == "GONE")


Configure = Callable[..., dict[str, Any]]


def configuration(subnet: str, **changed: Any) -> dict[str, Any]:
    """A small cluster whose jobs use a ready image, so that nothing is built; keyword arguments are root keys."""
    written: Mapping[str, Any] = {
        "Region": REGION,
        "Image": {"Os": "debian12"},
        "HeadNode": {"InstanceType": "t3.small", "Networking": {"SubnetId": subnet}},
        "Scheduling": {"Scheduler": "awsbatch", "AwsBatchQueues": [queue(subnet)]},
        "ContainerImage": {"Uri": "public.ecr.aws/debian/debian:12-slim"},
        "Monitoring": {
            "Logs": {"CloudWatch": {"DeletionPolicy": "Delete"}},
            "Dashboards": {"CloudWatch": {"Enabled": False}},
        },
    }
    return {key: value for key, value in {**written, **changed}.items() if value is not None}


def queue(subnet: str, name: str = "main", **changed: Any) -> dict[str, Any]:
    """A queue of one environment."""
    environment = {"Name": "ondemand", "InstanceTypes": ["c6i.large"], "MaxvCpus": 4}
    return {"Name": name, "Networking": {"SubnetIds": [subnet]}, "ComputeResources": [environment]} | changed
