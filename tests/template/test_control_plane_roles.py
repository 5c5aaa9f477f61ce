"""Can a cluster's stack reach the roles of the control plane itself?"""

from __future__ import annotations

import pytest

from tests.support import application

TEMPLATE = application.translated()
ROLES = application.of_type(TEMPLATE, "AWS::IAM::Role")
DENIED = next(
    statement
    for statement in application.statements(TEMPLATE, "ClusterStackRole")
    if statement["Sid"] == "NeverTheControlPlanesRoles"
)


@pytest.mark.parametrize("role", sorted(ROLES))
def test_a_clusters_stack_can_only_look_at_a_role_of_the_control_plane(role: str) -> None:
    name = ROLES[role]["Properties"]["RoleName"]["Fn::Sub"]
    arn = f"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:role${{IamPath}}{name}"
    assert {"Fn::Sub": arn} in DENIED["Resource"]


def test_everything_but_looking_is_denied() -> None:
    assert (DENIED["Effect"], DENIED["NotAction"]) == ("Deny", ["iam:Get*", "iam:List*"])
