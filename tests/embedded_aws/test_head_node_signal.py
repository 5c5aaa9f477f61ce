"""Does the fixture signal as the instance would, with the rights of the instance and no others?"""

from __future__ import annotations

from typing import Any

import pytest

from embedded_aws.ec2.images import IMAGES
from tests.support.embedded import Account
from tests.support.stacks import Stack, resource

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


def node(action: str) -> dict[str, Any]:
    """A head node whose role may do one thing."""
    rights = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}
    policies = [{"PolicyName": "own", "PolicyDocument": rights}]
    return {
        "Role": resource("AWS::IAM::Role", {"AssumeRolePolicyDocument": TRUST, "Policies": policies}),
        "Profile": resource("AWS::IAM::InstanceProfile", {"Roles": [{"Ref": "Role"}]}),
        "Node": resource(
            "AWS::EC2::Instance",
            {"ImageId": IMAGES[0][0], "InstanceType": "c5.large", "IamInstanceProfile": {"Ref": "Profile"}},
            CreationPolicy={"ResourceSignal": {"Count": 1, "Timeout": "PT3S"}},
        ),
    }


@pytest.mark.parametrize(
    ("action", "status", "refused"),
    [
        ("cloudformation:SignalResource", "CREATE_COMPLETE", None),
        ("cloudformation:DescribeStacks", "ROLLBACK_COMPLETE", "AccessDenied"),
    ],
)
def test_the_signal_needs_the_right_of_the_role(
    account: Account, action: str, status: str, refused: str | None
) -> None:
    stack = Stack(account).create(node(action), status=status)
    report: Any = account.server.call("GET", "/_shoal/head-node-signal")
    sent = [signal for signal in report["sent"] if signal["stackId"] == stack.id]
    assert [signal.get("refused") for signal in sent] == [refused]


def test_a_replaced_node_signals_as_well(account: Account) -> None:
    stack = Stack(account).create(node("cloudformation:SignalResource"))
    first = stack.physical_id("Node")
    other = node("cloudformation:SignalResource")
    other["Node"]["Properties"]["ImageId"] = IMAGES[2][0]
    stack.update(other)
    report: Any = account.server.call("GET", "/_shoal/head-node-signal")
    sent = [signal["instanceId"] for signal in report["sent"] if signal["stackId"] == stack.id]
    assert sent == [first, stack.physical_id("Node")]
