"""CloudFormation handlers run off the event loop.

AWS: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cfn-supported-resources.html - provisioning a
resource is a call like any other. MiniStack runs most handlers on the event loop, where a handler that calls the
server itself, as ours do, waits for itself until the request times out.
"""

from __future__ import annotations

from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (("services.cloudformation.stacks", "_runs_on_worker_thread"),)


def install() -> None:
    """Send every resource type to a worker thread."""
    from ministack.services.cloudformation import stacks

    stacks._runs_on_worker_thread = lambda resource_type: True
