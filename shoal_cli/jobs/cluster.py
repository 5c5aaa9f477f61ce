"""The cluster that a job command is about, read from its stack: what a job user may read, the ledger is not.

AWS's Batch client finds a cluster in the same way, by parameters and outputs of the stack; the stack's resources are
read besides, since they name every queue and not only the first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from configparser import Error as ConfigurationFileError
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from configupdater import ConfigUpdater

from shoal.cluster.bucket import BUCKET_PARAMETER, ROOT_PARAMETER
from shoal.cluster.kinds import AWSBATCH
from shoal.cluster.monitoring import JOB_LOGS
from shoal.cluster.names import stack_name
from shoal.cluster.template import SCHEDULER
from shoal_cli.application import Account
from shoal_cli.exits import CommandError, Exit

CLUSTER_VARIABLE = "SHOAL_CLUSTER"
CLIENT_FILE = Path(".parallelcluster/awsbatch-cli.cfg")
"""Configuration of AWS's Batch client, below the user's home."""
USABLE = frozenset(
    {
        "CREATE_COMPLETE",
        "UPDATE_IN_PROGRESS",
        "UPDATE_COMPLETE",
        "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
        "UPDATE_ROLLBACK_IN_PROGRESS",
        "UPDATE_ROLLBACK_COMPLETE",
        "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
    }
)
"""Stack statuses with queues that take jobs. AWS's client takes the two without IN_PROGRESS and ROLLBACK only."""


@dataclass(frozen=True)
class JobQueue:
    """A queue of the cluster."""

    name: str
    """As in the configuration."""
    arn: str
    definition: str
    """ARN of the definition for jobs of one container."""
    multinode_definition: str
    """ARN of the definition for multi-node parallel jobs."""


@dataclass(frozen=True)
class Cluster:
    """A Batch cluster as its stack describes it."""

    name: str
    stack_id: str
    status: str
    """The stack's."""
    region: str
    bucket: str
    root: str
    """Folder of the jobs' files in the bucket, without a slash at its end."""
    log_group: str
    queues: tuple[JobQueue, ...]
    """The default queue first."""
    outputs: Mapping[str, str]
    """The stack's, as AWS's Batch client reads them."""

    def queue(self, name: str | None) -> JobQueue | None:
        """The queue of that name, or the default one; none when there is no such queue."""
        return next((queue for queue in self.queues if name in (None, queue.name)), None)

    def queue_of(self, arn: str) -> JobQueue | None:
        """The queue of that ARN, if it is the cluster's."""
        return next((queue for queue in self.queues if queue.arn == arn), None)

    def unknown_queue(self, name: str | None) -> str:
        """What to tell about a queue that is not there."""
        if not self.queues:
            return f"the cluster {self.name} has no queues"
        return f"--queue {name} is not a queue of {self.name}; write one of {', '.join(q.name for q in self.queues)}"

    def require_usable(self) -> None:
        """Refuse a cluster that takes no jobs.

        Raises:
            CommandError: it is being made or deleted, or could not be (exit code 2).
        """
        if self.status not in USABLE:
            message = f"the cluster {self.name} takes no jobs, its stack is {self.status}; see `shoal describe`"
            raise CommandError(message, Exit.BAD_INPUT)


def default_name() -> str:
    """The cluster that AWS's Batch client uses when none is named: `[main] cluster_name` of its file.

    Raises:
        CommandError: there is none (exit code 2).
    """
    found = client_setting("cluster_name")
    if not found:
        message = f"no cluster is named; write --cluster NAME, or set {CLUSTER_VARIABLE}"
        raise CommandError(message, Exit.BAD_INPUT)
    return found


def client_setting(name: str) -> str | None:
    """A setting in section `[main]` of the file of AWS's Batch client."""
    path = Path.home() / CLIENT_FILE
    try:
        option = ConfigUpdater().read_string(path.read_text(encoding="utf-8")).get("main", name, None)
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError, ConfigurationFileError) as error:
        raise CommandError(f"{path} cannot be read: {' '.join(str(error).split())}", Exit.BAD_INPUT) from error
    return option.value if option is not None else None


def find_cluster(account: Account, name: str | None, prefix: str) -> Cluster:
    """The cluster of that name, whatever its stack's status.

    Args:
        account: whose it is.
        name: the cluster's name or, as AWS's client takes it, its stack's; none: the user's default.
        prefix: the control plane's `NamePrefix`.

    Raises:
        CommandError: there is none, or it has no queues of Batch (exit code 2).
        ClientError: AWS refuses.
        BotoCoreError: AWS cannot be reached.
    """
    cluster = (name or default_name()).removeprefix(stack_name(prefix, ""))
    cloudformation = account.client("cloudformation")
    try:
        stack = cloudformation.describe_stacks(StackName=stack_name(prefix, cluster))["Stacks"][0]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":
            where = account.session.region_name
            raise CommandError(f"there is no cluster {cluster} in {where}; see `shoal list`", Exit.BAD_INPUT) from error
        raise
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack["StackName"])
    resources = [resource for page in pages for resource in page["StackResourceSummaries"]]
    return read_cluster(cluster, stack, resources)


def read_cluster(name: str, stack: Mapping[str, Any], resources: list[dict[str, Any]]) -> Cluster:
    """The cluster that a stack with these resources is.

    Raises:
        CommandError: it is of another kind than Batch's, or not a cluster's at all (exit code 2).
    """
    parameters = {item["ParameterKey"]: item["ParameterValue"] for item in stack.get("Parameters", [])}
    kind = parameters.get(SCHEDULER, "unknown")
    if kind != AWSBATCH:
        message = f"the cluster {name} is of kind {kind}: jobs go to it by its own scheduler, on its head node"
        raise CommandError(message, Exit.BAD_INPUT)
    outputs = {item["OutputKey"]: item["OutputValue"] for item in stack.get("Outputs", [])}
    first = outputs.get("BatchJobQueueArn")
    return Cluster(
        name=name,
        stack_id=stack["StackId"],
        status=stack["StackStatus"],
        region=stack["StackId"].split(":")[3],
        bucket=parameters[BUCKET_PARAMETER],
        root=parameters[ROOT_PARAMETER],
        log_group=_physical_ids(resources, "AWS::Logs::LogGroup").get(JOB_LOGS, ""),
        queues=tuple(sorted(_queues(resources), key=lambda queue: (queue.arn != first, queue.name))),
        outputs=outputs,
    )


def _queues(resources: list[dict[str, Any]]) -> Iterator[JobQueue]:
    definitions = {}
    for arn in _physical_ids(resources, "AWS::Batch::JobDefinition").values():
        kind, _, queue = arn.rpartition(":")[0].partition("_")[2].partition("_")
        definitions[kind, queue] = arn
    for arn in _physical_ids(resources, "AWS::Batch::JobQueue").values():
        name = arn.partition("_")[2]
        if ("single", name) in definitions:
            yield JobQueue(name, arn, definitions["single", name], definitions.get(("multinode", name), ""))


def _physical_ids(resources: list[dict[str, Any]], kind: str) -> dict[str, str]:
    return {
        resource["LogicalResourceId"]: resource["PhysicalResourceId"]
        for resource in resources
        if resource["ResourceType"] == kind and resource.get("PhysicalResourceId")
    }
