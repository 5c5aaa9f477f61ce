"""The environment of a job's container: the submitter's variables, those of Batch, and those of the embedded AWS.

https://docs.aws.amazon.com/batch/latest/userguide/job_env_vars.html. On AWS an SDK finds the Region through the
instance's metadata and the services by their names; here two variables say both, and no SDK asks for metadata.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from embedded_aws.batch.job import Job
from embedded_aws.batch.states import named

RESERVED = "AWS_BATCH_"
"""Variables of this prefix are Batch's own: a submitter's are dropped."""


def variables(
    task: Job, environment: Mapping[str, Any], number: int, credentials: str | None, main_address: str | None
) -> dict[str, str]:
    """The whole environment of one container.

    Args:
        task: the job or node.
        environment: the compute environment.
        number: of the attempt, from 1.
        credentials: path of the role's credentials below the server's address, None without a role.
        main_address: of the main node, for the other nodes.
    """
    endpoint = os.environ["AWS_ENDPOINT_URL"]
    asked = {item["name"]: item["value"] for item in (task.container or {})["environment"]}
    found = {
        "AWS_DEFAULT_REGION": task.asked.scope[1],
        **{name: value for name, value in asked.items() if not name.startswith(RESERVED)},
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_EXECUTION_ENV": "AWS_ECS_EC2",
        **batch_variables(task, environment, number, main_address),
    }
    return found | ({"AWS_CONTAINER_CREDENTIALS_FULL_URI": endpoint + credentials} if credentials else {})


def batch_variables(task: Job, environment: Mapping[str, Any], number: int, main_address: str | None) -> dict[str, str]:
    """What Batch tells a container about its job."""
    job = task.parent if task.is_node and task.parent is not None else task
    found = {
        "AWS_BATCH_JOB_ID": task.id,  # of a node too: `<id>#<index>`
        "AWS_BATCH_JOB_ATTEMPT": str(number),
        "AWS_BATCH_JQ_NAME": named(task.asked.queue),
        "AWS_BATCH_CE_NAME": named(environment["computeEnvironmentArn"]),
    }
    if job.nodes is not None:
        found["AWS_BATCH_JOB_NUM_NODES"] = str(job.nodes["numNodes"])
        found["AWS_BATCH_JOB_NODE_INDEX"] = str(task.index)
        found["AWS_BATCH_JOB_MAIN_NODE_INDEX"] = str(job.nodes["mainNode"])
        if main_address is not None and not task.is_main_node:
            found["AWS_BATCH_JOB_MAIN_NODE_PRIVATE_IPV4_ADDRESS"] = main_address
    elif task.parent is not None:
        found["AWS_BATCH_JOB_ARRAY_INDEX"] = str(task.index)
        found["AWS_BATCH_JOB_ARRAY_SIZE"] = str(len(task.parent.children))
    return found
