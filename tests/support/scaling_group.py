"""An Auto Scaling group on the embedded AWS, with short ways to change it and to look at it."""

from __future__ import annotations

import base64
import json
from typing import Any

from embedded_aws.ec2.images import IMAGES
from tests.support.embedded import Account
from tests.support.polling import until

SUBNETS = ("subnet-00000001", "subnet-00000002")
"""Two of the default ones, in two zones."""

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


class ScalingGroup:
    """One group, its launch template and its profile; it exists once it is created."""

    def __init__(self, account: Account, name: str = "nodes", template: str = "") -> None:
        self.account = account
        self.client, self.ec2 = account.client("autoscaling"), account.client("ec2")
        self.name = name
        self.template = template or self._make_template()

    def _make_template(self) -> str:
        iam = self.account.client("iam")
        iam.create_role(RoleName="node", AssumeRolePolicyDocument=json.dumps(TRUST))
        iam.create_instance_profile(InstanceProfileName="node")
        iam.add_role_to_instance_profile(InstanceProfileName="node", RoleName="node")
        made = self.ec2.create_launch_template(LaunchTemplateName="nodes", LaunchTemplateData=self._data())
        return str(made["LaunchTemplate"]["LaunchTemplateId"])

    def _data(self, **changed: Any) -> dict[str, Any]:
        return {
            "ImageId": IMAGES[0][0],
            "InstanceType": "c5.large",
            "UserData": base64.b64encode(b"#!/bin/sh\n").decode(),
            "IamInstanceProfile": {"Name": "node"},
            "TagSpecifications": [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "node"}]}],
            **changed,
        }

    def named(self, name: str) -> ScalingGroup:
        """Another group of the same template."""
        return ScalingGroup(self.account, name, self.template)

    def new_version(self, **changed: Any) -> str:
        """Add a version to the template; its number."""
        made = self.ec2.create_launch_template_version(
            LaunchTemplateId=self.template, LaunchTemplateData=self._data(**changed)
        )
        return str(made["LaunchTemplateVersion"]["VersionNumber"])

    def create(self, desired: int = 0, subnets: tuple[str, ...] = SUBNETS, **options: Any) -> None:
        """Create it, of no instance and four at most unless said otherwise."""
        wanted = {
            "MinSize": 0,
            "MaxSize": 4,
            "DesiredCapacity": desired,
            "VPCZoneIdentifier": ",".join(subnets),
            "LaunchTemplate": {"LaunchTemplateId": self.template, "Version": "$Latest"},
            "Tags": [
                {"Key": "shoal:queue", "Value": "main", "PropagateAtLaunch": True},
                {"Key": "shoal:kind", "Value": "slurm", "PropagateAtLaunch": False},
            ],
            **options,
        }
        self.client.create_auto_scaling_group(AutoScalingGroupName=self.name, **wanted)

    def want(self, size: int) -> None:
        """Set the desired capacity."""
        self.client.set_desired_capacity(AutoScalingGroupName=self.name, DesiredCapacity=size)

    def update(self, **changed: Any) -> None:
        """Update it."""
        self.client.update_auto_scaling_group(AutoScalingGroupName=self.name, **changed)

    def delete(self, **options: Any) -> None:
        """Delete it."""
        self.client.delete_auto_scaling_group(AutoScalingGroupName=self.name, **options)

    def protect(self, instance_id: str, protected: bool = True) -> None:
        """Protect an instance from scale-in, or no longer."""
        self.client.set_instance_protection(
            AutoScalingGroupName=self.name, InstanceIds=[instance_id], ProtectedFromScaleIn=protected
        )

    def end(self, instance_id: str, fewer: bool) -> dict[str, Any]:
        """End an instance through its group; the answer."""
        answer: dict[str, Any] = self.client.terminate_instance_in_auto_scaling_group(
            InstanceId=instance_id, ShouldDecrementDesiredCapacity=fewer
        )
        return answer

    def suspend(self, process: str) -> None:
        """Suspend a process."""
        self.client.suspend_processes(AutoScalingGroupName=self.name, ScalingProcesses=[process])

    def resume(self, process: str) -> None:
        """Resume a process."""
        self.client.resume_processes(AutoScalingGroupName=self.name, ScalingProcesses=[process])

    def notify(self, topic: str, *events: str) -> None:
        """Ask for notices."""
        types = [f"autoscaling:EC2_INSTANCE_{event}" for event in events]
        self.client.put_notification_configuration(
            AutoScalingGroupName=self.name, TopicARN=topic, NotificationTypes=types
        )

    def exists(self) -> bool:
        """Whether Auto Scaling knows it."""
        return bool(self.client.describe_auto_scaling_groups(AutoScalingGroupNames=[self.name])["AutoScalingGroups"])

    def describe(self) -> dict[str, Any]:
        """As Auto Scaling tells of it."""
        told = self.client.describe_auto_scaling_groups(AutoScalingGroupNames=[self.name])["AutoScalingGroups"]
        return dict(told[0])

    def ids(self) -> list[str]:
        """The ids of its instances, oldest first."""
        return [one["InstanceId"] for one in self.describe()["Instances"]]

    def states(self) -> list[str]:
        """The states of its instances."""
        return [one["LifecycleState"] for one in self.describe()["Instances"]]

    def in_service(self, number: int) -> list[str]:
        """Wait until so many instances are in service, and there are no others; their ids, oldest first."""
        until(lambda: self.states() == ["InService"] * number, what=f"{number} instances in service")
        return self.ids()

    def settled_ids(self) -> list[str]:
        """The ids of its instances after another group did something that takes as long as a launch."""
        other = self.named("another")
        other.create(desired=1)
        other.in_service(1)
        return self.ids()

    def instance(self, instance_id: str) -> dict[str, Any]:
        """An instance as EC2 tells of it."""
        told = self.ec2.describe_instances(InstanceIds=[instance_id])["Reservations"]
        return dict(told[0]["Instances"][0])

    def activities(self) -> list[dict[str, Any]]:
        """Its activities, newest first."""
        return list(self.client.describe_scaling_activities(AutoScalingGroupName=self.name)["Activities"])

    def cause_of_end(self, instance_id: str) -> str:
        """Why an instance was ended."""
        description = f"Terminating EC2 instance: {instance_id}"
        return next(str(one["Cause"]) for one in self.activities() if one["Description"] == description)
