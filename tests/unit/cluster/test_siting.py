"""Is a site made from what was looked up, and left alone by an update where the user changed nothing?"""

from __future__ import annotations

import dataclasses
from typing import Any

from shoal.cluster.configuration import load
from shoal.cluster.materials import Materials
from shoal.cluster.site import InstanceType, LaunchImage, Site
from shoal.cluster.siting import grown_site, keeps_image, new_site, renewed_site
from shoal.cluster.surroundings import Surroundings
from shoal.settings import Settings
from tests.support.clusters import ACCOUNT_ID, HEAD_SUBNET, REGION, configuration, context, site
from tests.support.slurm_clusters import slurm_configuration, slurm_queue, slurm_resource

SETTINGS = Settings(
    region=REGION,
    account_id=ACCOUNT_ID,
    partition="aws",
    url_suffix="aws.test",
    name_prefix="shoal",
    iam_path="/shoal/",
    permissions_boundary="arn:aws:iam::111111111111:policy/shoal/boundary",
    bucket="shoal-control",
    ledger_table="shoal-ledger",
    cluster_stack_role="arn:aws:iam::111111111111:role/shoal/stack",
    clean_up_role="arn:aws:iam::111111111111:role/shoal/clean-up",
    base_image_registry="registry.test",
)
AROUND = Surroundings(
    region=REGION,
    subnets={HEAD_SUBNET: {"VpcId": "vpc-1", "AvailabilityZone": "us-east-1a", "MapPublicIpOnLaunch": True}},
    vpc_cidrs={"vpc-1": "10.1.0.0/16"},
    instance_types={
        "c7gd.large": {
            "ProcessorInfo": {"SupportedArchitectures": ["arm64"]},
            "VCpuInfo": {"DefaultVCpus": 2, "DefaultCores": 2},
            "MemoryInfo": {"SizeInMiB": 4096},
            "InstanceStorageSupported": True,
        }
    },
    image_id="ami-00000002",
    image={"RootDeviceName": "/dev/sda1"},
    materials=Materials(base_image="registry.test/debian:12", base_images={"registry.test/debian:12": "pinned"}),
)
GRAVITON = InstanceType(vcpus=2, cores=2, memory_mib=4096, architecture="arm64", instance_store=True)
OLD = load(configuration())


def test_a_new_site_holds_what_was_looked_up() -> None:
    made = new_site("genomics", "20261124T101530", OLD, AROUND, SETTINGS, "node.zip?versionId=1")
    assert (made.head_node_ami, made.head_node_root_device) == ("ami-00000002", "/dev/sda1")
    assert made.subnets[HEAD_SUBNET].vpc_cidr == "10.1.0.0/16"
    assert made.subnets[HEAD_SUBNET].maps_public_ips
    assert made.instance_types == {"c7gd.large": GRAVITON}
    assert made.empty_bucket_function.endswith(":function:shoal-serve-custom-resource")


SLURM = load(slurm_configuration(slurm_queue("a", slurm_resource("work", InstanceType="c7gd.large"))))
WITH_AMIS = dataclasses.replace(
    AROUND,
    official_images={"arm64": "ami-00000005"},
    images={"ami-00000005": {"RootDeviceName": "/dev/xvda"}, "ami-00000006": {"RootDeviceName": "/dev/sda1"}},
)


def slurm_site() -> Site:
    return new_site("genomics", "20261124T101530", SLURM, WITH_AMIS, SETTINGS, "node.zip?versionId=1")


def test_a_site_holds_the_ami_of_each_slurm_queue() -> None:
    assert slurm_site().queue_images == {"a": LaunchImage(ami="ami-00000005", root_device="/dev/xvda")}


def test_an_update_keeps_the_ami_of_a_queue_and_gives_a_new_queue_the_newest() -> None:
    newer = dataclasses.replace(WITH_AMIS, official_images={"arm64": "ami-00000006"})
    resource = slurm_resource("work", InstanceType="c7gd.large")
    more = load(slurm_configuration(slurm_queue("a", resource), slurm_queue("b", resource)))
    grown = grown_site(slurm_site(), SLURM, more, newer)
    assert {name: image.ami for name, image in grown.queue_images.items()} == {"a": "ami-00000005", "b": "ami-00000006"}


def test_a_queue_gets_another_ami_when_it_is_named_or_its_architecture_changes() -> None:
    resource = slurm_resource("work", InstanceType="c7gd.large")
    own = load(slurm_configuration(slurm_queue("a", resource, Image={"CustomAmi": "ami-00000006"})))
    named = grown_site(slurm_site(), SLURM, own, WITH_AMIS).queue_images["a"]
    assert named == LaunchImage(ami="ami-00000006", root_device="/dev/sda1")
    intel = AROUND.instance_types["c7gd.large"] | {"ProcessorInfo": {"SupportedArchitectures": ["x86_64"]}}
    around = dataclasses.replace(
        WITH_AMIS,
        official_images={"x86_64": "ami-00000007"},
        instance_types={**AROUND.instance_types, "c6i.large": intel},
    )
    other = load(slurm_configuration(slurm_queue("a", slurm_resource("work"))))
    assert grown_site(slurm_site(), SLURM, other, around).queue_images["a"].ami == "ami-00000007"


def test_a_site_tells_gpus_network_cards_and_efa_of_instance_types() -> None:
    network = {"EfaSupported": True, "MaximumNetworkCards": 32, "EfaInfo": {"MaximumEfaInterfaces": 32}}
    facts = {
        "GpuInfo": {"Gpus": [{"Manufacturer": "NVIDIA", "Count": 8}, {"Manufacturer": "AMD", "Count": 2}]},
        "NetworkInfo": network,
    }
    around = dataclasses.replace(AROUND, instance_types={"p5.48xlarge": AROUND.instance_types["c7gd.large"] | facts})
    found = new_site("genomics", "1", OLD, around, SETTINGS, "node.zip").instance_types["p5.48xlarge"]
    assert (found.gpus, found.network_cards, found.efa_interfaces) == (8, 32, 32)
    assert (GRAVITON.gpus, GRAVITON.network_cards, GRAVITON.efa_interfaces) == (0, 1, 0)


def test_an_elastic_ip_that_the_configuration_names_is_kept_with_its_allocation() -> None:
    head: dict[str, Any] = configuration()["HeadNode"]
    named = load(configuration(HeadNode=head | {"Networking": {"SubnetId": HEAD_SUBNET, "ElasticIp": "192.0.2.1"}}))
    around = dataclasses.replace(AROUND, elastic_ip="eipalloc-1")
    made = new_site("genomics", "20261124T101530", named, around, SETTINGS, "node.zip?versionId=1")
    assert made.elastic_ips == {"192.0.2.1": "eipalloc-1"}


def test_an_update_keeps_every_fact_and_adds_what_is_new() -> None:
    grown = grown_site(site(), OLD, OLD, AROUND)
    assert grown.instance_types == {"c7gd.large": GRAVITON} | site().instance_types
    assert grown.subnets == site().subnets
    known = {"instance_types": site().instance_types, "base_images": site().base_images}
    assert grown.model_copy(update=known) == site()


def test_another_system_is_looked_up_anew() -> None:
    new = load(configuration(Image={"Os": "ubuntu2404"}))
    assert not keeps_image(OLD, new)
    found = Materials(base_image="registry.test/ubuntu:24.04")
    grown = grown_site(site(), OLD, new, dataclasses.replace(AROUND, image_id="ami-00000003", materials=found))
    assert grown.head_node_ami == "ami-00000003"
    assert grown.base_image == "registry.test/ubuntu:24.04"


def test_an_update_keeps_digests_and_snapshots_and_adds_what_was_looked_up() -> None:
    uri, other = "s3://mine/one.zip", "s3://mine/two.zip"
    old = site(contexts={uri: context("old")})
    found = Materials(base_image=old.base_image, base_images={"debian:13": "new"}, contexts={other: context("new")})
    grown = grown_site(old, OLD, OLD, dataclasses.replace(AROUND, materials=found))
    assert grown.base_images == old.base_images | {"debian:13": "new"}
    assert grown.contexts == {uri: context("old"), other: context("new")}


def test_what_the_user_comes_back_to_is_taken_as_it_is_now() -> None:
    uri = "s3://mine/one.zip"
    found = Materials(base_images={"debian:12": "new"}, contexts={uri: context("new")})
    old = site(base_images={"debian:12": "old"}, contexts={uri: context("old")})
    grown = grown_site(old, OLD, OLD, dataclasses.replace(AROUND, materials=found))
    assert (grown.base_images, grown.contexts) == ({"debian:12": "new"}, {uri: context("new")})


def test_images_that_are_built_on_demand_are_made_of_what_is_there_today() -> None:
    name, uri = site().base_image, "s3://mine/one.zip"
    old = site(contexts={uri: context("old"), "s3://mine/gone.zip": context("gone")}, salt="op-1")
    today = Materials(base_image=name, base_images={name: "newer"}, contexts={uri: context("new")})
    renewed = renewed_site(old, today, None)
    assert (renewed.base_images, renewed.contexts, renewed.salt) == ({name: "newer"}, {uri: context("new")}, "op-1")
    assert renewed_site(old, today, "op-2") == renewed.model_copy(update={"salt": "op-2"})


def test_a_base_image_whose_registry_is_silent_stays_as_it_was() -> None:
    silent = Materials(base_image=site().base_image, unpinned={site().base_image: "cannot be reached"})
    assert renewed_site(site(), silent, None) == site()
