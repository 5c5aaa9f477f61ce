"""Do Auto Scaling groups launch, replace and end instances by AWS's rules?"""

from __future__ import annotations

import base64
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.embedded import Account
from tests.support.polling import until
from tests.support.scaling_group import SUBNETS, ScalingGroup


@pytest.fixture
def group(account: Account) -> ScalingGroup:
    return ScalingGroup(account)


def refused(operation: Any, **arguments: Any) -> tuple[str, str]:
    """Code and message of a request that Auto Scaling refuses."""
    with pytest.raises(ClientError) as raised:
        operation(**arguments)
    error = raised.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_group_launches_instances_that_ec2_knows_with_its_tags_and_its_template(group: ScalingGroup) -> None:
    group.create(desired=2)
    first, second = (group.instance(instance_id) for instance_id in group.in_service(2))
    tags = {tag["Key"]: tag["Value"] for tag in first["Tags"]}
    assert tags == {"shoal:queue": "main", "Name": "node", "aws:autoscaling:groupName": group.name}
    assert {first["SubnetId"], second["SubnetId"]} == set(SUBNETS)
    assert (first["State"]["Name"], first["IamInstanceProfile"]["Arn"].split("/")[-1]) == ("running", "node")
    data = group.ec2.describe_instance_attribute(InstanceId=first["InstanceId"], Attribute="userData")
    assert base64.b64decode(data["UserData"]["Value"]) == b"#!/bin/sh\n"


def test_an_instance_is_pending_before_it_is_in_service(group: ScalingGroup) -> None:
    group.create(desired=1)
    assert until(group.states) == ["Pending"]
    assert until(lambda: group.states() == ["InService"])


def test_a_group_that_wants_fewer_ends_the_oldest_that_is_not_protected(group: ScalingGroup) -> None:
    group.create(desired=3, subnets=SUBNETS[:1])
    kept, oldest, _ = group.in_service(3)
    group.protect(kept)
    group.want(2)
    assert until(lambda: oldest not in group.ids() and len(group.ids()) == 2)
    assert group.instance(oldest)["State"]["Name"] == "terminated"
    assert kept in group.ids()


def test_a_protected_instance_is_ended_once_it_is_not_protected_any_more(group: ScalingGroup) -> None:
    group.create(desired=1)
    (instance_id,) = group.in_service(1)
    group.protect(instance_id)
    group.want(0)
    assert group.in_service(1) == [instance_id]
    group.protect(instance_id, False)
    assert until(lambda: group.ids() == [])


def test_new_instances_may_be_protected_from_the_start(group: ScalingGroup) -> None:
    group.create(desired=1, NewInstancesProtectedFromScaleIn=True)
    group.in_service(1)
    assert [one["ProtectedFromScaleIn"] for one in group.describe()["Instances"]] == [True]


@pytest.mark.parametrize(("size", "reason"), [(5, "above max value 4"), (0, "below min value 1")])
def test_a_desired_capacity_outside_the_limits_is_refused(group: ScalingGroup, size: int, reason: str) -> None:
    group.create(desired=1, MinSize=1)
    code, message = refused(group.want, size=size)
    assert (code, reason in message) == ("ValidationError", True)


def test_an_update_is_refused_where_its_sizes_contradict_each_other(group: ScalingGroup) -> None:
    group.create()
    assert "between the specified min size:0 and max size:4" in refused(group.update, DesiredCapacity=5)[1]
    assert "Max bound, 4, must be greater" in refused(group.update, MinSize=5)[1]


def test_limits_move_a_desired_capacity_that_an_update_does_not_name(group: ScalingGroup) -> None:
    group.create()
    group.update(MinSize=2)
    assert group.describe()["DesiredCapacity"] == 2
    group.update(MinSize=0, MaxSize=1)
    assert group.describe()["DesiredCapacity"] == 1
    assert len(group.in_service(1)) == 1


def test_another_version_of_the_template_is_for_new_instances(group: ScalingGroup) -> None:
    group.create(desired=1)
    (before,) = group.in_service(1)
    version = group.new_version(InstanceType="c5.xlarge")
    group.update(LaunchTemplate={"LaunchTemplateId": group.template, "Version": version})
    group.want(2)
    kinds = {one["InstanceId"]: one["InstanceType"] for one in map(group.instance, group.in_service(2))}
    assert sorted(kinds.values()) == ["c5.large", "c5.xlarge"]
    assert kinds[before] == "c5.large"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"LaunchTemplate": {"LaunchTemplateId": "lt-0000000000000000f"}}, "does not exist"),
        ({"VPCZoneIdentifier": "subnet-0000000f"}, "The subnet ID 'subnet-0000000f' does not exist"),
        ({"MixedInstancesPolicy": {"InstancesDistribution": {"OnDemandBaseCapacity": 1}}}, "MixedInstancesPolicy"),
        ({"LaunchConfigurationName": "old"}, "LaunchConfigurationName"),
    ],
)
def test_a_group_of_what_is_not_there_is_refused(group: ScalingGroup, changed: dict[str, Any], reason: str) -> None:
    code, message = refused(group.create, **changed)
    assert (code, reason in message) == ("ValidationError", True)


def test_a_version_that_the_template_does_not_have_is_refused(group: ScalingGroup) -> None:
    template = {"LaunchTemplateId": group.template, "Version": "7"}
    assert "Could not find the specified version 7" in refused(group.create, LaunchTemplate=template)[1]


def test_a_second_group_of_the_same_name_is_refused(group: ScalingGroup) -> None:
    group.create()
    assert refused(group.create)[0] == "AlreadyExists"


def test_a_group_with_instances_is_deleted_by_force_only(group: ScalingGroup) -> None:
    group.create(desired=2)
    instances = group.in_service(2)
    assert refused(group.delete)[0] == "ResourceInUse"
    group.protect(instances[0])
    group.delete(ForceDelete=True)
    assert until(lambda: not group.exists())
    assert {group.instance(one)["State"]["Name"] for one in instances} == {"terminated"}


def test_a_deleted_group_is_not_found(group: ScalingGroup) -> None:
    group.create()
    group.delete()
    code, message = refused(group.want, size=1)
    assert (code, "not found" in message) == ("ValidationError", True)


def test_an_instance_terminated_behind_the_groups_back_is_replaced(group: ScalingGroup) -> None:
    group.create(desired=1)
    (gone,) = group.in_service(1)
    group.ec2.terminate_instances(InstanceIds=[gone])
    assert until(lambda: group.ids() != [gone] and group.states() == ["InService"])
    assert "an unhealthy instance needing to be replaced" in group.activities()[0]["Cause"]
    assert "EC2 health check indicating it has been terminated" in group.cause_of_end(gone)


def test_an_instance_that_somebody_calls_unhealthy_is_replaced(group: ScalingGroup) -> None:
    group.create(desired=1)
    (gone,) = group.in_service(1)
    group.client.set_instance_health(InstanceId=gone, HealthStatus="Unhealthy")
    assert until(lambda: group.ids() != [gone] and group.states() == ["InService"])
    assert "in response to a user health-check" in group.cause_of_end(gone)


@pytest.mark.parametrize(("fewer", "left"), [(True, 1), (False, 2)])
def test_an_instance_ended_through_its_group_is_replaced_unless_fewer_are_wanted(
    group: ScalingGroup, fewer: bool, left: int
) -> None:
    group.create(desired=2)
    gone, stays = group.in_service(2)
    activity = group.end(gone, fewer)["Activity"]
    assert (activity["StatusCode"], gone in activity["Description"]) == ("InProgress", True)
    assert until(lambda: gone not in group.ids() and group.states() == ["InService"] * left)
    assert (stays in group.ids(), group.describe()["DesiredCapacity"]) == (True, left)


def test_no_fewer_than_the_minimum_are_left(group: ScalingGroup) -> None:
    group.create(desired=1, MinSize=1)
    (instance_id,) = group.in_service(1)
    code, message = refused(group.end, instance_id=instance_id, fewer=True)
    assert (code, "violate group's min size constraint" in message) == ("ValidationError", True)


def test_an_instance_of_no_group_cannot_be_ended_through_one(group: ScalingGroup) -> None:
    assert "Instance Id not found" in refused(group.end, instance_id="i-0123456789abcdef0", fewer=True)[1]


def test_only_an_instance_in_service_is_protected(group: ScalingGroup) -> None:
    group.create()
    assert "is not part of Auto Scaling group" in refused(group.protect, instance_id="i-0123456789abcdef0")[1]


def test_with_launches_suspended_nothing_is_launched_until_they_are_resumed(group: ScalingGroup) -> None:
    group.create()
    group.suspend("Launch")
    group.want(1)
    suspended = group.describe()["SuspendedProcesses"]
    assert [one["ProcessName"] for one in suspended] == ["Launch"]
    assert group.settled_ids() == []
    group.resume("Launch")
    assert len(group.in_service(1)) == 1


def test_with_replacing_suspended_an_instance_is_called_unhealthy_and_stays(group: ScalingGroup) -> None:
    group.create(desired=1)
    (gone,) = group.in_service(1)
    group.suspend("ReplaceUnhealthy")
    group.ec2.terminate_instances(InstanceIds=[gone])
    assert until(lambda: [one["HealthStatus"] for one in group.describe()["Instances"]] == ["Unhealthy"])
    assert group.settled_ids() == [gone]
    group.resume("ReplaceUnhealthy")
    assert until(lambda: group.ids() != [gone] and group.states() == ["InService"])


def test_a_process_that_is_none_is_refused(group: ScalingGroup) -> None:
    group.create()
    assert "'Lunch' is not a valid scaling process" in refused(group.suspend, process="Lunch")[1]


def test_activities_say_what_was_asked_for_and_come_newest_first(group: ScalingGroup) -> None:
    group.create()
    group.want(1)
    (instance_id,) = group.in_service(1)
    (launch,) = group.activities()
    assert launch["StatusCode"] == "Successful"
    assert launch["Description"] == f"Launching a new EC2 instance: {instance_id}"
    assert "explicitly set group desired capacity changing the desired capacity from 0 to 1." in launch["Cause"]
    group.want(0)
    assert until(lambda: group.ids() == [])
    assert f"instance {instance_id} was selected for termination" in group.activities()[0]["Cause"]


def test_groups_are_described_page_by_page_and_by_no_more_than_a_hundred_names(group: ScalingGroup) -> None:
    for number in range(3):
        group.named(f"g{number}").create()
    first = group.client.describe_auto_scaling_groups(MaxRecords=2)
    assert (len(first["AutoScalingGroups"]), "NextToken" in first) == (2, True)
    pages = group.client.get_paginator("describe_auto_scaling_groups").paginate(PaginationConfig={"PageSize": 2})
    assert [one["AutoScalingGroupName"] for page in pages for one in page["AutoScalingGroups"]] == ["g0", "g1", "g2"]
    names = [f"n{number}" for number in range(101)]
    assert "is limited to 100" in refused(group.client.describe_auto_scaling_groups, AutoScalingGroupNames=names)[1]
    assert "less than or equal to 100" in refused(group.client.describe_auto_scaling_groups, MaxRecords=101)[1]


def test_groups_are_found_by_their_tags(group: ScalingGroup) -> None:
    group.create()
    for values, found in ((["main"], 1), (["other"], 0)):
        told = group.client.describe_auto_scaling_groups(Filters=[{"Name": "tag:shoal:queue", "Values": values}])
        assert len(told["AutoScalingGroups"]) == found


def test_an_instance_tells_which_group_it_is_of(group: ScalingGroup) -> None:
    group.create(desired=1)
    told = group.client.describe_auto_scaling_instances(InstanceIds=group.in_service(1))["AutoScalingInstances"]
    assert [(one["AutoScalingGroupName"], one["HealthStatus"]) for one in told] == [(group.name, "HEALTHY")]
    assert told[0]["LaunchTemplate"]["Version"] == "1"
