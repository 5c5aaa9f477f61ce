"""The operations, as one table: the front door, the command line, `help` and the docs follow it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Operation:
    """One thing that can be asked of the front door."""

    name: str
    summary: str
    """One sentence for people."""
    machine: str | None
    """The state machine that carries it out, without the prefix; none where the front door answers itself."""
    locks: bool
    """Whether it takes the cluster's lock: true for everything that changes something."""
    required: tuple[str, ...]
    optional: tuple[str, ...]
    example: dict[str, Any]
    """An input that can be pasted into the console."""

    @property
    def fields(self) -> tuple[str, ...]:
        """Every field of its input."""
        return ("operation", *self.required, *self.optional)


_EXAMPLE_URI = "s3://my-bucket/clusters/genomics.yaml"
_CONFIGURED = ("clusterConfiguration", "clusterConfigurationUri", "suppressValidators", "validationFailureLevel")

_OPERATIONS = (
    Operation("help", "Says what can be asked, with an example of each.", None, False, (), (), {"operation": "help"}),
    Operation(
        "list",
        "Lists the clusters of this account and Region.",
        None,
        False,
        (),
        ("clusterStatus", "maxResults", "nextToken"),
        {"operation": "list"},
    ),
    Operation(
        "describe",
        "Tells a cluster's state, its parts, its last operation and what can be done next.",
        None,
        False,
        ("clusterName",),
        (),
        {"operation": "describe", "clusterName": "genomics"},
    ),
    Operation(
        "plan",
        "Shows what create or update would do, resource by resource, and changes nothing.",
        "plan",
        False,
        ("clusterName",),
        (*_CONFIGURED, "deadlineMinutes"),
        {"operation": "plan", "clusterName": "genomics", "clusterConfigurationUri": _EXAMPLE_URI},
    ),
    Operation(
        "create",
        "Creates a cluster and builds its image; on failure nothing is left behind.",
        "create-cluster",
        True,
        ("clusterName",),
        (*_CONFIGURED, "dryrun", "rollbackOnFailure", "deadlineMinutes"),
        {"operation": "create", "clusterName": "genomics", "clusterConfigurationUri": _EXAMPLE_URI},
    ),
    Operation(
        "update",
        "Changes a cluster through a change set; what would replace data or jobs is refused.",
        "update-cluster",
        True,
        ("clusterName",),
        (*_CONFIGURED, "dryrun", "deadlineMinutes"),
        {"operation": "update", "clusterName": "genomics", "clusterConfigurationUri": _EXAMPLE_URI},
    ),
    Operation(
        "delete",
        "Ends the jobs, empties bucket and repository, deletes the stack and proves that nothing is left.",
        "delete-cluster",
        True,
        ("clusterName",),
        ("deadlineMinutes",),
        {"operation": "delete", "clusterName": "genomics"},
    ),
    Operation(
        "stop",
        "Stops a cluster's fleet: no instance is started for jobs until start; head node and storage stay.",
        "scale-cluster",
        True,
        ("clusterName",),
        ("deadlineMinutes",),
        {"operation": "stop", "clusterName": "genomics"},
    ),
    Operation(
        "start",
        "Starts a cluster's fleet again, and waits for the nodes that it always has.",
        "scale-cluster",
        True,
        ("clusterName",),
        ("deadlineMinutes",),
        {"operation": "start", "clusterName": "genomics"},
    ),
    Operation(
        "build-image",
        "Builds the cluster's job images that are not in the repository, of base images and contexts as they are now.",
        "update-cluster",
        True,
        ("clusterName",),
        ("force", "deadlineMinutes"),
        {"operation": "build-image", "clusterName": "genomics"},
    ),
)

CATALOGUE: dict[str, Operation] = {operation.name: operation for operation in _OPERATIONS}


def planned_machine(cluster_exists: bool) -> str:
    """The machine that answers `plan`: what `create` or `update` would run, as a dry run."""
    return CATALOGUE["update" if cluster_exists else "create"].machine or ""


def help_answer() -> dict[str, Any]:
    """What `help` and an empty input answer."""
    return {
        "summary": "Shoal creates, updates, stops and deletes HPC clusters. Start an execution with one of these.",
        "operations": [
            {
                "operation": operation.name,
                "does": operation.summary,
                "required": list(operation.required),
                "optional": list(operation.optional),
                "example": operation.example,
            }
            for operation in _OPERATIONS
        ],
    }
