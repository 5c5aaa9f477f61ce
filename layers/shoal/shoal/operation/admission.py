"""Whether an operation may begin, and what its machine is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shoal.cluster.configuration import load
from shoal.cluster.names import stack_name
from shoal.cluster.problems import ConfigurationError, Problem
from shoal.errors import ErrorCode, OperationError
from shoal.ledger import Start
from shoal.operation.catalogue import planned_machine
from shoal.operation.request import Request


def admit(request: Request, cluster: Mapping[str, Any] | None, operation_id: str) -> None:
    """Refuse what cannot be done to a cluster that is, or is not, there.

    Args:
        request: what is asked.
        cluster: the cluster's item in the ledger.
        operation_id: this operation; a cluster that it registered itself at an earlier try does not count.

    Raises:
        OperationError: `ClusterExists` or `ClusterNotFound`.
    """
    name = request.cluster_name
    if request.operation == "create" and cluster is not None and cluster.get("lastOperationId") != operation_id:
        raise OperationError(
            ErrorCode.CLUSTER_EXISTS,
            f"clusterName: cluster {name} exists, its status is {cluster.get('status')}; "
            "create needs a name that no cluster has",
            next_action="update it, delete it first, or choose another name",
        )
    if request.operation in {"update", "build-image", "start", "stop"} and cluster is None:
        raise not_found(str(name))
    if request.operation == "build-image" and (cluster or {}).get("kind") == "slurm":
        raise OperationError(
            ErrorCode.INVALID_REQUEST,
            f"operation: cluster {name} is of kind slurm, whose jobs run in no image",
            next_action="install what jobs need in a CustomAmi, in shared storage or by CustomActions",
        )


def not_found(name: str) -> OperationError:
    """There is no cluster of that name."""
    return OperationError(
        ErrorCode.CLUSTER_NOT_FOUND,
        f"clusterName: there is no cluster {name} in this account and Region",
        next_action="list shows the clusters that there are",
    )


def check_configuration(text: str, region: str, name_prefix: str) -> None:
    """Refuse a configuration that is wrong in itself; what needs AWS to be judged is judged by the plan.

    Raises:
        OperationError: `InvalidConfiguration`, with every problem and its path.
    """
    try:
        load(text, region=region, name_prefix=name_prefix)
    except ConfigurationError as error:
        raise invalid_configuration(error.problems) from error


def invalid_configuration(problems: Sequence[Problem]) -> OperationError:
    """Every problem of a configuration, in one line."""
    return OperationError(
        ErrorCode.INVALID_CONFIGURATION,
        ". ".join(f"{problem.message}; {problem.suggestion}" for problem in problems),
        next_action="correct the configuration; `shoal validate` checks it without an account",
    )


def busy(name: str, lock: Mapping[str, Any]) -> OperationError:
    """Another operation works on the cluster."""
    return OperationError(
        ErrorCode.CLUSTER_BUSY,
        f"clusterName: {lock.get('operation')} has been working on cluster {name} since {lock.get('takenAt')} "
        f"({lock.get('holder')})",
        next_action="wait until it has ended, then ask again",
    )


def machine_of(request: Request, cluster: Mapping[str, Any] | None) -> str:
    """The machine that carries a request out, without the prefix."""
    if request.operation == "plan":
        return planned_machine(cluster is not None)
    return request.action.machine or ""


def child_input(request: Request, start: Start, prefix: str, cluster: Mapping[str, Any] | None) -> dict[str, Any]:
    """What the machine is given: ids and locations, never the configuration itself."""
    known = cluster or {}
    return {
        "operationId": start.operation_id,
        "operation": request.operation,
        "clusterName": start.cluster,
        "stackName": stack_name(prefix, start.cluster),
        "stackId": known.get("stackId"),
        "generation": known.get("generation", f"{start.started:%Y%m%dT%H%M%S}"),
        "configuration": dict(start.configuration) if start.configuration else None,
        "deadline": f"{start.deadline:%Y-%m-%dT%H:%M:%SZ}",
        "dryrun": start.dryrun,
        "rollbackOnFailure": request.rollback_on_failure,
        "force": request.force,
        "suppressValidators": list(request.suppress_validators),
        "validationFailureLevel": request.validation_failure_level,
    }


def run_route(request: Request, start: Start, prefix: str, cluster: Mapping[str, Any] | None) -> dict[str, Any]:
    """What the front door is told to run; the child is named after the operation, so it cannot be started twice."""
    machine = machine_of(request, cluster)
    return {
        "route": "run",
        "machine": machine,
        "executionName": f"{start.operation_id}-{machine.split('-')[0]}",
        "child": child_input(request, start, prefix, cluster),
    }
