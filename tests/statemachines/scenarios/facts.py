"""Inputs and answers that the scenarios of several machines share."""

from __future__ import annotations

from typing import Any

from tests.statemachines.plans import NAME, OPERATION_ID, STACK_ID, STACK_NAME, STORED

DEADLINE = "2026-11-24T12:00:00Z"
"""Two hours after every execution starts."""
IMAGE_URI = "111111111111.dkr.ecr.us-east-1.amazonaws.com/shoal/genomics:4f0c1d"
STACK = {"stackId": STACK_ID, "status": "CREATE_COMPLETE"}
IMAGE = {"tag": "4f0c1d", "uri": IMAGE_URI, "digest": f"sha256:{'0' * 64}", "queues": ["main"]}
BUILT = {
    "summary": f"The image {IMAGE_URI} was built and pushed.",
    "images": [IMAGE],
    "built": ["4f0c1d"],
    "cluster": {"images": [IMAGE]},
    "retired": {"deleted": 0, "refused": 0},
}
LINKS = {"stack": "https://us-east-1.console.aws.amazon.com/cloudformation/home?region=us-east-1"}
READY = {"ready": True, "problems": [], "links": LINKS}
NOT_YET = {"ready": False, "problems": ["queue main is CREATING"], "links": LINKS}
SCALED = {"done": True, "stackId": STACK_ID, "fleet": None, "answer": {"fleetStatus": "RUNNING"}}
VOLUME = {"resourceType": "AWS::EC2::Volume", "id": "vol-0123456789abcdef0"}


def operation(name: str, **changed: Any) -> dict[str, Any]:
    """What the front door gives the machine of an operation."""
    return {
        "operationId": OPERATION_ID,
        "operation": name,
        "clusterName": NAME,
        "stackName": STACK_NAME,
        "stackId": None if name == "create" else STACK_ID,
        "generation": "20261124T101530",
        "configuration": STORED if name in {"create", "update", "plan"} else None,
        "deadline": DEADLINE,
        "dryrun": False,
        "rollbackOnFailure": True,
        "force": False,
        "suppressValidators": [],
        "validationFailureLevel": "ERROR",
    } | changed
