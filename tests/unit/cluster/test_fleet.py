"""Do a queue's compute resources become groups whose nodes come as the configuration says, and stay while jobs run?"""

from __future__ import annotations

import json
from typing import Any

import pytest

from shoal.cluster.blueprint import blueprint
from shoal.cluster.configuration import load
from shoal.cluster.problems import ConfigurationError
from shoal_node.contract import ComputeSettings, read_settings
from tests.support.clusters import COMPUTE_SUBNETS, site_for, storage
from tests.support.slurm_clusters import rendered, slurm_configuration, slurm_queue, slurm_resource

CLUSTER_TAGS = {"shoal:cluster": "genomics", "shoal:kind": "slurm"}


def of_type(resources: dict[str, Any], kind: str) -> dict[str, Any]:
    return {name: item for name, item in resources.items() if item["Type"] == f"AWS::{kind}"}


def only(resources: dict[str, Any], kind: str) -> dict[str, Any]:
    (resource,) = of_type(resources, kind).values()
    return dict(resource)


def group(*queues: dict[str, Any], **more: Any) -> dict[str, Any]:
    properties: dict[str, Any] = only(rendered(*queues, **more), "AutoScaling::AutoScalingGroup")["Properties"]
    return properties


def launched(*queues: dict[str, Any], **more: Any) -> dict[str, Any]:
    """What the launch template of the only compute resource says."""
    found = of_type(rendered(*queues, **more), "EC2::LaunchTemplate")
    (template,) = (item for name, item in found.items() if name != "HeadNodeLaunchTemplate")
    data: dict[str, Any] = template["Properties"]["LaunchTemplateData"]
    return data


def tags_of(listed: list[dict[str, Any]]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in listed}


def test_each_compute_resource_of_each_queue_is_a_group_under_a_name_of_its_own() -> None:
    queues = [slurm_queue("one", slurm_resource("a"), slurm_resource("b")), slurm_queue("two", slurm_resource("a"))]
    groups = of_type(rendered(*queues), "AutoScaling::AutoScalingGroup").values()
    names = [item["Properties"]["AutoScalingGroupName"] for item in groups]
    assert names == ["shoal-genomics_one-a", "shoal-genomics_one-b", "shoal-genomics_two-a"]


def test_a_group_has_its_bounds_and_no_desired_capacity_that_an_update_would_reset() -> None:
    properties = group(slurm_queue("main", slurm_resource("work", MinCount=2, MaxCount=7)))
    assert (properties["MinSize"], properties["MaxSize"]) == ("2", "7")
    assert "DesiredCapacity" not in properties
    assert properties["NewInstancesProtectedFromScaleIn"] is False
    assert properties["CapacityRebalance"] is False
    assert properties["HealthCheckType"] == "EC2"


def test_a_group_tells_the_topic_of_all_that_it_launches_and_ends() -> None:
    (told,) = group()["NotificationConfigurations"]
    assert told["TopicARN"] == {"Ref": "FleetTopic"}
    assert sorted(told["NotificationTypes"]) == [
        "autoscaling:EC2_INSTANCE_LAUNCH",
        "autoscaling:EC2_INSTANCE_LAUNCH_ERROR",
        "autoscaling:EC2_INSTANCE_TERMINATE",
        "autoscaling:EC2_INSTANCE_TERMINATE_ERROR",
    ]


def test_groups_come_after_the_head_node_and_it_after_what_tells_it_of_them() -> None:
    resources = rendered()
    assert "HeadNode" in only(resources, "AutoScaling::AutoScalingGroup")["DependsOn"]
    assert "FleetSubscription" in resources["HeadNode"]["DependsOn"]
    assert "FleetQueuePolicy" in resources["FleetSubscription"]["DependsOn"]


def test_the_head_node_needs_nothing_of_the_groups_that_wait_for_it() -> None:
    resources = rendered(slurm_queue("main", slurm_resource("work", MinCount=1)))
    fleet = {
        name for name in resources if name.startswith(("Group", "LaunchTemplate", "ComputeRole", "ComputeProfile"))
    }
    assert fleet
    needed, waiting = set[str](), ["HeadNode"]
    while waiting:
        name = waiting.pop()
        needed.add(name)
        waiting += [other for other in referred(resources[name]) if other in resources and other not in needed]
    assert needed.isdisjoint(fleet)


def referred(value: Any) -> list[str]:
    """The logical ids that a resource refers to."""
    if isinstance(value, list):
        return [name for item in value for name in referred(item)]
    if not isinstance(value, dict):
        return []
    if "Ref" in value:
        return [value["Ref"]]
    if "Fn::GetAtt" in value:
        return [value["Fn::GetAtt"][0]]
    first = value.get("DependsOn", [])
    return [*first, *(name for item in value.values() for name in referred(item))]


def test_nodes_stand_in_all_subnets_of_their_queue() -> None:
    both = slurm_queue("main", Networking={"SubnetIds": list(COMPUTE_SUBNETS)})
    assert group(both)["VPCZoneIdentifier"] == list(COMPUTE_SUBNETS)


def test_a_new_launch_template_is_used_by_the_instances_that_start_next() -> None:
    template = group()["LaunchTemplate"]
    assert template["Version"] == {"Fn::GetAtt": [template["LaunchTemplateId"]["Ref"], "LatestVersionNumber"]}
    assert "UpdatePolicy" not in only(rendered(), "AutoScaling::AutoScalingGroup")


def test_nodes_on_demand_ask_for_no_market() -> None:
    assert "InstanceMarketOptions" not in launched()


@pytest.mark.parametrize(("price", "limit"), [(None, {}), (0.05, {"MaxPrice": "0.05"}), (3, {"MaxPrice": "3"})])
def test_spot_nodes_cost_at_most_their_price_and_end_when_they_are_interrupted(price: Any, limit: Any) -> None:
    resource = slurm_resource("work") | ({} if price is None else {"SpotPrice": price})
    market = launched(slurm_queue("main", resource, CapacityType="SPOT"))["InstanceMarketOptions"]
    ends = {"SpotInstanceType": "one-time", "InstanceInterruptionBehavior": "terminate"}
    assert market == {"MarketType": "spot", "SpotOptions": ends | limit}


def test_tags_reach_instances_volumes_and_network_interfaces_at_launch() -> None:
    tagged = {spec["ResourceType"]: tags_of(spec["Tags"]) for spec in launched()["TagSpecifications"]}
    assert tagged == dict.fromkeys(
        ("instance", "volume", "network-interface"), CLUSTER_TAGS | {"Name": "genomics main work"}
    )


def test_the_tags_of_a_compute_resource_go_before_its_queues_and_those_before_the_clusters() -> None:
    def three(value: str, *keys: str) -> list[dict[str, str]]:
        return [{"Key": key, "Value": value} for key in keys]

    resource = slurm_resource("work", Tags=three("resource", "a"))
    queue = slurm_queue("main", resource, Tags=three("queue", "a", "b"))
    tags = tags_of(launched(queue, Tags=three("cluster", "a", "b", "c"))["TagSpecifications"][0]["Tags"])
    assert (tags["a"], tags["b"], tags["c"]) == ("resource", "queue", "cluster")


def test_the_groups_own_tags_are_not_passed_on_twice() -> None:
    tags = group()["Tags"]
    assert CLUSTER_TAGS.items() <= tags_of(tags).items()
    assert not any(tag["PropagateAtLaunch"] for tag in tags)


@pytest.mark.parametrize("where", ["queue", "resource"])
def test_a_placement_group_is_made_for_each_compute_resource_that_wants_one(where: str) -> None:
    section = {"PlacementGroup": {"Enabled": True}}
    near = slurm_resource("near") | ({"Networking": section} if where == "resource" else {})
    networking = {"SubnetIds": [COMPUTE_SUBNETS[0]]} | (section if where == "queue" else {})
    resources = rendered(slurm_queue("main", near, Networking=networking))
    (name,) = of_type(resources, "EC2::PlacementGroup")
    assert resources[name]["Properties"]["Strategy"] == "cluster"
    assert launched(slurm_queue("main", near, Networking=networking))["Placement"] == {"GroupName": {"Ref": name}}


def test_a_placement_group_of_the_users_is_used_and_none_is_made() -> None:
    networking = {"SubnetIds": [COMPUTE_SUBNETS[0]], "PlacementGroup": {"Name": "mine"}}
    queue = slurm_queue("main", Networking=networking)
    assert launched(queue)["Placement"] == {"GroupName": "mine"}
    assert not of_type(rendered(queue), "EC2::PlacementGroup")


def test_an_efa_is_on_every_network_card_that_can_have_one() -> None:
    facts = {"network_cards": 4, "efa_interfaces": 3}
    interfaces = launched(slurm_queue("main", slurm_resource("work", Efa={"Enabled": True})), facts=facts)
    kinds = [item.get("InterfaceType") for item in interfaces["NetworkInterfaces"]]
    places = [(item["DeviceIndex"], item.get("NetworkCardIndex", 0)) for item in interfaces["NetworkInterfaces"]]
    assert kinds == ["efa", "efa", "efa", None]
    assert places == [(0, 0), (1, 1), (1, 2), (1, 3)]


def test_without_efa_the_network_cards_have_plain_interfaces() -> None:
    interfaces = launched(facts={"network_cards": 2, "efa_interfaces": 2})["NetworkInterfaces"]
    assert [item.get("InterfaceType") for item in interfaces] == [None, None]


def test_the_groups_own_way_out_to_itself_is_named_which_efa_needs() -> None:
    resources = rendered()
    (egress,) = of_type(resources, "EC2::SecurityGroupEgress").values()
    itself = {"Ref": "ComputeSecurityGroup"}
    assert egress["Properties"] == {"GroupId": itself, "IpProtocol": "-1", "DestinationSecurityGroupId": itself}
    assert resources["ComputeSecurityGroup"]["Properties"]["SecurityGroupEgress"][0]["CidrIp"] == "0.0.0.0/0"


@pytest.mark.parametrize(("given", "address"), [({}, None), ({"AssignPublicIp": True}, True)])
def test_the_subnet_decides_on_public_addresses_unless_the_queue_does(given: Any, address: Any) -> None:
    queue = slurm_queue("main", Networking={"SubnetIds": [COMPUTE_SUBNETS[0]], **given})
    (interface,) = launched(queue)["NetworkInterfaces"]
    assert interface.get("AssociatePublicIpAddress") is address


def test_cores_run_one_thread_where_that_is_wanted() -> None:
    queue = slurm_queue("main", slurm_resource("work", DisableSimultaneousMultithreading=True))
    assert launched(queue)["CpuOptions"] == {"CoreCount": 2, "ThreadsPerCore": 1}
    assert "CpuOptions" not in launched()
    assert "CpuOptions" not in launched(queue, facts={"vcpus": 2, "cores": 2})


def test_the_root_volume_is_as_the_queue_says_and_goes_with_its_node() -> None:
    root = {"VolumeType": "io2", "Iops": 500, "Size": 50, "Encrypted": False}
    queue = slurm_queue("main", ComputeSettings={"LocalStorage": {"RootVolume": root}})
    (mapping,) = launched(queue)["BlockDeviceMappings"]
    assert mapping == {
        "DeviceName": "/dev/xvda",
        "Ebs": {"VolumeType": "io2", "Iops": 500, "VolumeSize": 50, "Encrypted": False, "DeleteOnTermination": True},
    }


def test_metadata_are_read_by_token() -> None:
    assert launched()["MetadataOptions"]["HttpTokens"] == "required"


def test_a_queues_own_image_goes_before_the_clusters() -> None:
    queue = slurm_queue("main", Image={"CustomAmi": "ami-0aaaaaaaaaaaaaaaa"})
    assert launched(queue)["ImageId"] == "ami-0aaaaaaaaaaaaaaaa"
    assert launched()["ImageId"] == "ami-0fedcba9876543210"


def told(data: dict[str, Any]) -> ComputeSettings:
    """What the user data tell a node, with a word in the place of every reference."""
    pieces = data["UserData"]["Fn::Base64"]["Fn::Join"][1]
    script = "".join(piece if isinstance(piece, str) else next(iter(referred(piece))) for piece in pieces)
    settings = read_settings(script.split("END_OF_SETTINGS'\n")[1].split("\nEND_OF_SETTINGS")[0])
    assert isinstance(settings, ComputeSettings)
    return settings


def test_nodes_are_told_what_they_join() -> None:
    settings = told(launched(SharedStorage=[storage("data"), storage("efs", StorageType="Efs")]))
    assert (settings.queue, settings.compute_resource, settings.group) == ("main", "work", "shoal-genomics_main-work")
    assert (settings.head_address, settings.table) == ("HeadNodeInterface", "NodeTable")
    assert settings.mounts == ("/home", "/data", "/opt/shoal")
    assert [system.mount_dir for system in settings.file_systems] == ["/efs"]
    assert settings.log_group == "/shoal/genomics-20261124T101530/compute"


def test_nodes_are_told_of_their_gpus_their_adapters_and_the_users_scripts() -> None:
    scripts = {"OnNodeStart": {"Script": "s3://mine/start.sh", "Args": ["a b"]}}
    queue = slurm_queue("main", slurm_resource("work", Efa={"Enabled": True}), CustomActions=scripts)
    settings = told(launched(queue, facts={"gpus": 4, "efa_interfaces": 1}))
    assert (settings.gpus, settings.efa) == (4, True)
    assert [(action.url, action.arguments) for action in settings.actions.on_node_start] == [
        ("s3://mine/start.sh", ("a b",))
    ]


def test_nothing_secret_stands_in_user_data() -> None:
    assert "munge" not in json.dumps(launched())


def test_user_data_larger_than_ec2_takes_are_refused_naming_the_scripts() -> None:
    sequence = [{"Script": f"s3://mine/{number:0180}.sh"} for number in range(10)]
    scripts = {"OnNodeStart": {"Sequence": sequence}, "OnNodeConfigured": {"Sequence": sequence}}
    existing = [{"StorageType": "Efs", "EfsSettings": {"FileSystemId": f"fs-{number:08}"}} for number in range(20)]
    many = [storage(f"e{n}", MountDir=f"/{n:0240}/{n:0240}", **keys) for n, keys in enumerate(existing)]
    with pytest.raises(ConfigurationError) as refused:
        rendered(slurm_queue("main", CustomActions=scripts), SharedStorage=many)
    assert [problem.path for problem in refused.value.problems][-1] == "Scheduling.SlurmQueues[0].CustomActions"
    assert "16384" in str(refused.value)


def test_fifty_compute_resources_make_a_template_that_cloudformation_takes() -> None:
    near = {"SubnetIds": [COMPUTE_SUBNETS[0]], "PlacementGroup": {"Enabled": True}}
    queues = [
        slurm_queue(f"q{number}", *(slurm_resource(f"r{number}x{other}") for other in range(5)), Networking=near)
        for number in range(10)
    ]
    resources = rendered(*queues)
    assert len(of_type(resources, "AutoScaling::AutoScalingGroup")) == 50
    assert len(resources) < 500


def test_the_parts_of_a_batch_cluster_are_not_made() -> None:
    kinds = {item["Type"].split("::")[1] for item in rendered().values()}
    assert kinds.isdisjoint({"Batch", "S3", "ECR", "CodeBuild", "Lambda"})
    assert not [item for item in rendered().values() if item["Type"].startswith("Custom::")]


def test_the_outputs_are_what_a_user_looks_for() -> None:
    cluster = load(slurm_configuration())
    outputs = blueprint(cluster, site_for(cluster)).template["Outputs"]
    assert set(outputs) == {
        "HeadNodeInstanceID",
        "HeadNodePrivateIP",
        "HeadNodeUser",
        "NodeQueueUrl",
        "NodeTable",
        "Scheduler",
    }
    assert outputs["NodeQueueUrl"]["Value"] == {"Ref": "FleetQueue"}
