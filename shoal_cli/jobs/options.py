"""What the job commands have in common: the cluster's option, and what is found by it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import typer

from shoal_cli.exits import CommandError, Exit
from shoal_cli.jobs.cluster import CLUSTER_VARIABLE, Cluster, JobQueue

ClusterName = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        "-c",
        envvar=CLUSTER_VARIABLE,
        help="The cluster; else the default one of ~/.parallelcluster/awsbatch-cli.cfg.",
    ),
]
QueueName = Annotated[str | None, typer.Option("--queue", help="One queue of the cluster.")]
JobId = Annotated[str, typer.Argument(help="A job, a child of an array (ID:3) or a node of a multi-node job (ID#1).")]
JobIds = Annotated[list[str], typer.Argument(help="Jobs, children of arrays (ID:3), nodes of multi-node jobs (ID#1).")]


def chosen_queues(cluster: Cluster, name: str | None) -> tuple[JobQueue, ...]:
    """The queue of that name, or all.

    Raises:
        CommandError: there is no such queue (exit code 2).
    """
    if name is None:
        return cluster.queues
    return (chosen_queue(cluster, name),)


def chosen_queue(cluster: Cluster, name: str | None) -> JobQueue:
    """The queue of that name, or the default one.

    Raises:
        CommandError: there is no such queue (exit code 2).
    """
    queue = cluster.queue(name)
    if queue is None:
        raise CommandError(cluster.unknown_queue(name), Exit.BAD_INPUT)
    return queue


def refusal(problems: Iterable[str]) -> CommandError:
    """The error that ends a command for all that is wrong with its input: a line for each problem, exit code 2."""
    return CommandError("\n".join(dict.fromkeys(problems)), Exit.BAD_INPUT)
