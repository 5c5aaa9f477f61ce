"""Are groups read and changed within Auto Scaling's limits, and does one instance that is gone hold up no other?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from shoal.aws import autoscaling, session
from shoal.errors import RetryableError
from tests.support.stubs import Stubs, stubs

NAME = "shoal-genomics_main-small"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubs]:
    for name, value in {
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
    }.items():
        monkeypatch.setenv(name, value)
    session.client.cache_clear()
    with stubs() as stubbed:
        yield stubbed
    session.client.cache_clear()


def described(name: str = NAME, *, instances: int = 0, protected: bool = True, **facts: Any) -> dict[str, Any]:
    return {
        "AutoScalingGroupName": name,
        "MinSize": 0,
        "MaxSize": 100,
        "DesiredCapacity": 0,
        "DefaultCooldown": 300,
        "AvailabilityZones": ["us-east-1a"],
        "HealthCheckType": "EC2",
        "CreatedTime": "2026-11-24T10:00:00Z",
        "SuspendedProcesses": [{"ProcessName": "Launch"}],
        "Instances": [
            {
                "InstanceId": f"i-{number}",
                "AvailabilityZone": "us-east-1a",
                "LifecycleState": "InService",
                "HealthStatus": "Healthy",
                "ProtectedFromScaleIn": protected,
            }
            for number in range(instances)
        ],
    } | facts


def unprotect(*numbers: int) -> dict[str, Any]:
    ids = [f"i-{number}" for number in numbers]
    return {"AutoScalingGroupName": NAME, "InstanceIds": ids, "ProtectedFromScaleIn": False}


def test_groups_are_asked_for_a_hundred_at_a_time(aws: Stubs) -> None:
    names = [f"shoal-genomics_{number:03}" for number in range(101)]
    for chunk in (names[:100], names[100:]):
        answer = {"AutoScalingGroups": [described(name) for name in chunk]}
        asked = {"AutoScalingGroupNames": chunk, "MaxRecords": 100}
        aws.expect("autoscaling", "describe_auto_scaling_groups", answer, **asked)
    assert [group["AutoScalingGroupName"] for group in autoscaling.describe_groups(names)] == names


def test_no_group_is_asked_for_where_there_is_none(aws: Stubs) -> None:
    assert list(autoscaling.describe_groups([])) == []  # without names Auto Scaling would tell all of the Region's


def test_every_page_of_groups_is_read(aws: Stubs) -> None:
    asked = {"AutoScalingGroupNames": ["a", "b"], "MaxRecords": 100}
    first = {"AutoScalingGroups": [described("a")], "NextToken": "more"}
    aws.expect("autoscaling", "describe_auto_scaling_groups", first, **asked)
    second = {"AutoScalingGroups": [described("b")]}
    aws.expect("autoscaling", "describe_auto_scaling_groups", second, **asked, NextToken="more")
    assert len(list(autoscaling.describe_groups(["a", "b"]))) == 2


def test_protection_is_taken_off_fifty_instances_at_a_time(aws: Stubs) -> None:
    for numbers in (range(50), range(50, 100), range(100, 101)):
        aws.expect("autoscaling", "set_instance_protection", {}, **unprotect(*numbers))
    autoscaling.close(described(instances=101))


def test_an_instance_that_has_ended_meanwhile_holds_up_no_other(aws: Stubs) -> None:
    gone = "The instance i-1 is not part of Auto Scaling group"
    aws.fail("autoscaling", "set_instance_protection", "ValidationError", gone, **unprotect(0, 1, 2))
    aws.expect("autoscaling", "set_instance_protection", {}, **unprotect(0))
    aws.fail("autoscaling", "set_instance_protection", "ValidationError", gone, **unprotect(1))
    aws.expect("autoscaling", "set_instance_protection", {}, **unprotect(2))
    autoscaling.close(described(instances=3))


def test_a_group_that_is_closed_already_is_not_touched(aws: Stubs) -> None:
    autoscaling.close(described(instances=3, protected=False))


def test_launching_is_suspended_before_the_size_is_changed(aws: Stubs) -> None:
    aws.expect("autoscaling", "suspend_processes", {}, AutoScalingGroupName=NAME, ScalingProcesses=["Launch"])
    aws.expect("autoscaling", "update_auto_scaling_group", {}, AutoScalingGroupName=NAME, MinSize=0, DesiredCapacity=0)
    autoscaling.close(described(SuspendedProcesses=[], MinSize=2, DesiredCapacity=5))


def test_a_size_is_set_before_launching_is_resumed(aws: Stubs) -> None:
    aws.expect("autoscaling", "update_auto_scaling_group", {}, AutoScalingGroupName=NAME, MinSize=2, DesiredCapacity=2)
    aws.expect("autoscaling", "resume_processes", {}, AutoScalingGroupName=NAME, ScalingProcesses=["Launch"])
    autoscaling.open_again(described(), 2)


def test_a_group_that_is_open_keeps_its_size(aws: Stubs) -> None:
    autoscaling.open_again(described(SuspendedProcesses=[], MinSize=2, DesiredCapacity=7), 2)


@pytest.mark.parametrize("code", ["ResourceContention", "ScalingActivityInProgress"])
def test_a_group_that_is_being_changed_is_tried_again(aws: Stubs, code: str) -> None:
    aws.fail("autoscaling", "suspend_processes", code, AutoScalingGroupName=NAME, ScalingProcesses=["Launch"])
    with pytest.raises(RetryableError, match=NAME):
        autoscaling.close(described(SuspendedProcesses=[]))


def test_another_error_is_told_as_it_is(aws: Stubs) -> None:
    aws.fail("autoscaling", "set_instance_protection", "AccessDenied", "not authorized", **unprotect(0))
    with pytest.raises(ClientError, match="not authorized"):
        autoscaling.close(described(instances=1))
