"""A change set is found by its stack's id as well as by the stack's name.

AWS: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeChangeSet.html - `StackName` takes
the name or the ARN. MiniStack finds a change set's name only beside the stack's name, so a caller that names the
stack by its id, as one should, is told that the change set does not exist.
"""

from __future__ import annotations

from typing import Any

from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (
    ("services.cloudformation.changesets", "_find_change_set"),
    ("services.cloudformation", "_change_sets"),
)


def install() -> None:
    """Turn a stack's id into its name before looking."""
    from ministack.services.cloudformation import changesets

    find = changesets._find_change_set

    def find_by_id(name: str, stack: str = "") -> Any:
        return find(name, stack.split("/")[1] if stack.startswith("arn:") else stack)

    changesets._find_change_set = find_by_id
