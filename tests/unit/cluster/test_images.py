"""Which images does a cluster need, how is each built, and what may the build do?"""

from __future__ import annotations

import json
from typing import Any

import pytest

from shoal.cluster.blueprint import Blueprint, blueprint
from shoal.cluster.configuration import Cluster, load
from shoal.cluster.image import build_orders, built_images, problems
from shoal.image.job_image import base_image
from tests.support.clusters import ACCOUNT_ID, REGION, compute_resource, configuration, context, queue, site, site_for

ARM = [compute_resource("graviton", InstanceTypes=["c7g"])]
CONTEXT = {"Context": "s3://mine/one.zip"}


def cluster(*queues: dict[str, Any], **sections: Any) -> Cluster:
    listed = list(queues) or [queue("main")]
    return load(configuration(Scheduling={"Scheduler": "awsbatch", "AwsBatchQueues": listed}, **sections))


def rendered(wanted: Cluster, **overrides: Any) -> Blueprint:
    return blueprint(wanted, site_for(wanted, **overrides))


def images_of_definitions(result: Blueprint) -> dict[str, str]:
    """What the jobs of one container run in, by queue; of an image of the repository its tag."""
    definitions = [
        item["Properties"]
        for item in result.template["Resources"].values()
        if item["Type"] == "AWS::Batch::JobDefinition" and item["Properties"]["Type"] == "container"
    ]
    images = {
        item["JobDefinitionName"].rpartition("_")[2]: item["ContainerProperties"]["Image"] for item in definitions
    }
    return {name: image if isinstance(image, str) else image["Fn::Join"][1][-1] for name, image in images.items()}


def test_queues_share_an_image_that_is_the_same() -> None:
    (image,) = rendered(cluster(queue("main"), queue("second"))).images
    assert image.queues == ("main", "second")


def test_queues_of_two_architectures_have_an_image_each_from_the_machine_of_theirs() -> None:
    wanted = cluster(queue("main"), queue("arm", *ARM))
    first, second = build_orders(wanted, site_for(wanted))
    assert (first.platform, first.environment_type) == ("linux/amd64", "LINUX_CONTAINER")
    assert (second.platform, second.environment_type) == ("linux/arm64", "ARM_CONTAINER")
    assert images_of_definitions(rendered(wanted)) == {"main": first.image_tag, "arm": second.image_tag}


def test_two_queues_with_contexts_of_their_own_have_an_image_each() -> None:
    other = CONTEXT | {"Dockerfile": "docker/jobs", "Target": "run", "BuildArgs": {"MPI": "yes"}}
    wanted = cluster(queue("main", ContainerImage=CONTEXT), queue("second", ContainerImage=other))
    first, second = build_orders(wanted, site_for(wanted))
    assert first.context_source is not None
    assert first.context_source.key == context("s3://mine/one.zip").key
    assert (first.dockerfile, first.target, first.build_args) == ("Dockerfile", "", {})
    assert (second.dockerfile, second.target, second.build_args) == ("docker/jobs", "run", {"MPI": "yes"})
    assert first.context_key != second.context_key
    assert [order.cache_image.rpartition("/")[2] for order in (first, second)] == [
        "cache:amd64-main",
        "cache:amd64-second",
    ]


def test_a_queue_that_names_a_ready_image_needs_none() -> None:
    ready = queue("ready", *ARM, ContainerImage={"Uri": "example.com/arm:1"})
    wanted = cluster(queue("main"), ready)
    (image,) = built_images(wanted, site_for(wanted))
    assert image.queues == ("main",)
    assert images_of_definitions(rendered(wanted))["ready"] == "example.com/arm:1"


def test_a_queue_may_leave_the_clusters_image_for_shoals_own() -> None:
    wanted = cluster(queue("main", ContainerImage={}), queue("second"), ContainerImage={"Uri": "example.com/image:1"})
    assert [image.queues for image in built_images(wanted, site_for(wanted))] == [("main",)]


def test_an_image_gets_the_longest_time_and_the_largest_machine_that_a_queue_asks_for() -> None:
    slow = {"BuildTimeout": 120}
    large = {"ComputeType": "BUILD_GENERAL1_LARGE"}
    wanted = cluster(queue("slow", ContainerImage=slow), queue("large", ContainerImage=large))
    (order,) = build_orders(wanted, site_for(wanted))
    assert (order.timeout_minutes, order.compute_type) == (120, "BUILD_GENERAL1_LARGE")


def test_the_base_image_is_the_systems_as_the_site_has_pinned_it() -> None:
    name = base_image("debian12")
    pinned = {name: f"{name}@sha256:1"}
    wanted = cluster()
    (order,) = build_orders(wanted, site_for(wanted, base_images=pinned))
    assert order.base_image == pinned[name]
    (order,) = build_orders(wanted, site_for(wanted, base_images={}))
    assert order.base_image == name


def test_a_base_image_that_the_configuration_names_is_pinned_and_is_no_argument_beside_itself() -> None:
    wanted = cluster(ContainerImage={"BuildArgs": {"BASE_IMAGE": "debian:13"}})
    (order,) = build_orders(wanted, site_for(wanted, base_images={"debian:13": "debian@sha256:1"}))
    assert (order.base_image, order.build_args) == ("debian@sha256:1", {})


@pytest.mark.parametrize(
    "newer",
    [{"base_images": {base_image("debian12"): "debian@sha256:1"}}, {"salt": "op-1"}],
    ids=["a newer base image", "a salt"],
)
def test_what_the_site_knows_of_an_image_is_part_of_its_tag(newer: dict[str, Any]) -> None:
    wanted = cluster()
    tags = [image.tag for image in (*rendered(wanted).images, *rendered(wanted, **newer).images)]
    assert len(set(tags)) == 2


def test_a_site_that_was_stored_before_base_images_were_pinned_still_means_an_image() -> None:
    old = site().model_dump(exclude={"base_images", "contexts", "salt"})
    (order,) = build_orders(cluster(), type(site()).model_validate(old))
    assert order.base_image == site().base_image


@pytest.mark.parametrize(
    ("sections", "path"),
    [
        ({"ContainerImage": {"Platform": "linux/arm64"}}, "ContainerImage.Platform"),
        ({}, "Scheduling.AwsBatchQueues[0].ContainerImage.Platform"),
    ],
)
def test_an_image_is_for_the_architecture_of_its_queue(sections: dict[str, Any], path: str) -> None:
    own = {} if sections else {"ContainerImage": {"Platform": "linux/arm64"}}
    wanted = cluster(queue("main", **own), **sections)
    (problem,) = problems(wanted, site_for(wanted))
    assert (problem.path, problem.suggestion) == (path, "write linux/amd64, or remove it")


@pytest.mark.parametrize(
    ("family", "architecture"),
    [("c7g", "arm64"), ("im4gn", "arm64"), ("m6gd", "arm64"), ("a1", "arm64"), ("c6i", "x86_64"), ("g5", "x86_64"),
     ("p4d", "x86_64"), ("optimal", "x86_64"), ("g5g", "arm64"), ("x2iedn", "x86_64")],
)  # fmt: skip
def test_a_familys_name_tells_its_architecture(family: str, architecture: str) -> None:
    (image,) = rendered(cluster(queue("main", compute_resource("one", InstanceTypes=[family])))).images
    assert image.recipe.architecture == architecture


def test_the_project_has_time_for_the_longest_build_and_waits_for_both_repositories() -> None:
    slow = {"BuildTimeout": 480}
    project = rendered(cluster(queue("main"), queue("slow", *ARM, ContainerImage=slow))).template["Resources"][
        "BuildProject"
    ]
    assert project["Properties"]["TimeoutInMinutes"] == 480
    assert set(project["DependsOn"]) == {"EmptyBucket", "EmptyRepository", "EmptyImageCache"}


def test_tags_of_images_never_move_and_those_of_layers_do_and_expire() -> None:
    resources = rendered(cluster()).template["Resources"]
    images, cache = (resources[name]["Properties"] for name in ("Repository", "ImageCache"))
    assert (images["ImageTagMutability"], cache["ImageTagMutability"]) == ("IMMUTABLE", "MUTABLE")
    (rule,) = json.loads(cache["LifecyclePolicy"]["LifecyclePolicyText"])["rules"]
    assert (rule["selection"]["tagStatus"], rule["selection"]["countNumber"]) == ("untagged", 1)
    assert cache["RepositoryName"] == f"{images['RepositoryName']}/cache"
    assert "LifecyclePolicy" not in images


def rights(result: Blueprint) -> dict[str, tuple[set[str], Any]]:
    """The build role's actions and resources by statement."""
    (policy,) = result.template["Resources"]["BuildRole"]["Properties"]["Policies"]
    statements = policy["PolicyDocument"]["Statement"]
    return {item["Sid"]: ({*item["Action"]} if isinstance(item["Action"], list) else {item["Action"]}, item["Resource"])
            for item in statements}  # fmt: skip


def test_a_build_pulls_from_the_cache_alone_and_deletes_nothing() -> None:
    found = rights(rendered(cluster()))
    assert found["KeepTheLayers"][1] == {"Fn::GetAtt": ["ImageCache", "Arn"]}
    assert "ecr:BatchGetImage" in found["KeepTheLayers"][0]
    assert "ecr:BatchGetImage" not in found["PushTheImage"][0]
    assert not [action for actions, _ in found.values() for action in actions if "Delete" in action]


def test_a_build_may_pull_a_base_image_from_a_private_repository_of_the_account() -> None:
    registry = f"{ACCOUNT_ID}.dkr.ecr.{REGION}.amazonaws.com"
    wanted = cluster(ContainerImage={"BuildArgs": {"BASE_IMAGE": f"{registry}/team/base:1"}})
    actions, resources = rights(rendered(wanted))["PullBaseImages"]
    assert actions == {"ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"}
    assert "repository/team/base" in json.dumps(resources)
    assert "PullBaseImages" not in rights(rendered(cluster()))
