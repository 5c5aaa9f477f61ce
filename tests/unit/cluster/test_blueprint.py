"""The template, parameters and outputs that a configuration means."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.cluster.batch import environment_id, queue_id
from shoal.cluster.blueprint import Blueprint, blueprint, resource_summary
from shoal.cluster.bucket import context_key
from shoal.cluster.configuration import load
from shoal.cluster.problems import ConfigurationError
from shoal.cluster.template import join, logical_id
from tests.support.clusters import compute_resource, configuration, queue, site, site_for

WRITERS = {"AWS::Batch::ComputeEnvironment", "AWS::Batch::JobQueue", "AWS::CodeBuild::Project", "AWS::EC2::Instance"}


def rendered(**sections: Any) -> Blueprint:
    cluster = load(configuration(**sections))
    return blueprint(cluster, site_for(cluster))


def queues(*items: dict[str, Any]) -> dict[str, Any]:
    return {"Scheduler": "awsbatch", "AwsBatchQueues": list(items)}


def of_type(result: Blueprint, kind: str) -> dict[str, Any]:
    return {name: item for name, item in result.template["Resources"].items() if item["Type"] == kind}


def only(result: Blueprint, kind: str) -> Any:
    (resource,) = of_type(result, kind).values()
    return resource["Properties"]


def test_the_parameters_are_those_that_awss_batch_client_reads() -> None:
    result = rendered()

    assert result.parameters == {
        "Scheduler": "awsbatch",
        "ResourcesS3Bucket": "shoal-genomics-726f9024",
        "ArtifactS3RootDirectory": "jobs",
    }
    assert result.template["Parameters"].keys() == result.parameters.keys()


def test_the_outputs_name_the_first_queue_and_its_first_environment() -> None:
    result = rendered(Scheduling=queues(queue("first", compute_resource("a"), compute_resource("b")), queue("second")))
    first = load(configuration(Scheduling=queues(queue("first", compute_resource("a"))))).scheduling.aws_batch_queues[0]
    outputs = {name: output["Value"] for name, output in result.template["Outputs"].items()}

    assert outputs["BatchJobQueueArn"] == {"Ref": queue_id(first)}
    assert outputs["BatchComputeEnvironmentArn"] == {"Ref": environment_id(first, first.compute_resources[0])}
    assert outputs["HeadNodePrivateIP"] == {"Fn::GetAtt": ["HeadNode", "PrivateIp"]}
    assert outputs["BatchCliRequirements"].startswith("aws-parallelcluster-awsbatch-cli>=")
    assert outputs.keys() >= {"BatchJobDefinitionArn", "BatchJobDefinitionMnpArn"}


def test_everything_that_writes_goes_before_the_custom_resources_that_clean() -> None:
    for resource in rendered().template["Resources"].values():
        if resource["Type"] in WRITERS:
            cleaned = {"EmptyBucket", "EmptyRepository"}
            cleaned |= {"EmptyImageCache"} if resource["Type"] == "AWS::CodeBuild::Project" else set()
            assert cleaned <= set(resource["DependsOn"])


def test_the_custom_resources_go_before_what_they_clean() -> None:
    result = rendered()

    assert only(result, "Custom::EmptyBucket")["BucketName"] == {"Ref": "Bucket"}
    emptied = [item["Properties"]["RepositoryName"] for item in of_type(result, "Custom::EmptyRepository").values()]
    assert emptied == [{"Ref": name} for name in of_type(result, "AWS::ECR::Repository")]


def test_a_bucket_of_the_users_is_neither_made_nor_deleted_and_only_a_prefix_of_it_is_used() -> None:
    result = rendered(CustomS3Bucket="mine")
    cleaner = only(result, "Custom::EmptyBucket")

    assert not of_type(result, "AWS::S3::Bucket")
    assert cleaner["BucketName"] == {"Ref": "ResourcesS3Bucket"}
    assert cleaner["Prefix"] == "shoal/genomics/"
    assert result.parameters["ResourcesS3Bucket"] == "mine"
    assert result.parameters["ArtifactS3RootDirectory"] == "shoal/genomics/jobs"


def test_the_build_reads_its_context_where_it_is_staged() -> None:
    cluster = load(configuration(CustomS3Bucket="mine"))
    result = blueprint(cluster, site())
    (image,) = result.images

    source = only(result, "AWS::CodeBuild::Project")["Source"]["Location"]

    assert source == f"mine/{context_key(cluster, site(), image.tag)}"
    assert source.startswith("mine/shoal/genomics/build/")


def test_job_definitions_name_the_images_content_tag() -> None:
    result = rendered()
    (image,) = result.images

    for definition in of_type(result, "AWS::Batch::JobDefinition").values():
        properties = definition["Properties"]
        nodes = properties.get("NodeProperties", {}).get("NodeRangeProperties", [{}])
        container = properties.get("ContainerProperties") or nodes[0]["Container"]
        assert container["Image"] == join({"Fn::GetAtt": ["Repository", "RepositoryUri"]}, ":", image.tag)


def test_a_queue_has_a_definition_for_single_containers_and_one_for_multi_node_jobs() -> None:
    definitions = of_type(rendered(), "AWS::Batch::JobDefinition").values()

    assert sorted(definition["Properties"]["Type"] for definition in definitions) == ["container", "multinode"]


def test_nothing_is_built_when_every_queue_names_a_ready_image() -> None:
    assert rendered(ContainerImage={"Uri": "public.ecr.aws/mine/image:1"}).images == ()


def test_a_queues_own_image_goes_before_the_clusters() -> None:
    named = queue("main", ContainerImage={"Uri": "queue.example.com/image:1"})
    result = rendered(Scheduling=queues(named), ContainerImage={"Uri": "cluster.example.com/image:1"})

    definitions = of_type(result, "AWS::Batch::JobDefinition").values()
    single = next(item["Properties"] for item in definitions if item["Properties"]["Type"] == "container")

    assert single["ContainerProperties"]["Image"] == "queue.example.com/image:1"


def test_hosts_may_pull_from_the_private_repository_of_a_ready_image() -> None:
    result = rendered(ContainerImage={"Uri": "222222222222.dkr.ecr.eu-west-1.amazonaws.com/team/image:1"})
    (host,) = (role for name, role in of_type(result, "AWS::IAM::Role").items() if name == "HostRole")
    statements = host["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]

    (pull,) = (statement for statement in statements if statement["Sid"] == "PullImages")

    assert "arn:aws:ecr:eu-west-1:222222222222:repository/team/image" in pull["Resource"]


def test_a_template_larger_than_cloudformation_takes_is_refused_naming_the_tags() -> None:
    many = [queue(f"queue-{n}", *(compute_resource(f"resource-{m}") for m in range(3))) for n in range(10)]
    tags = [{"Key": f"{n:02}" * 64, "Value": "x" * 256} for n in range(40)]

    with pytest.raises(ConfigurationError) as refused:
        rendered(Scheduling=queues(*many), Tags=tags)

    assert refused.value.problems[0].path == "Tags"


def test_logs_that_are_kept_for_ever_have_no_retention() -> None:
    result = rendered(Monitoring={"Logs": {"CloudWatch": {"RetentionInDays": 0}}})

    assert all(
        "RetentionInDays" not in group["Properties"] for group in of_type(result, "AWS::Logs::LogGroup").values()
    )


def test_environments_can_be_updated_in_place() -> None:
    environment = only(rendered(), "AWS::Batch::ComputeEnvironment")

    assert environment["ReplaceComputeEnvironment"] is False
    assert "ComputeEnvironmentName" not in environment
    assert "ServiceRole" not in environment
    assert environment["ComputeResources"]["AllocationStrategy"] == "BEST_FIT_PROGRESSIVE"


def test_spot_environments_take_the_cheapest_capacity_up_to_the_bid() -> None:
    spot = queue("main", compute_resource("one", SpotBidPercentage=60), CapacityType="SPOT")

    resources = only(rendered(Scheduling=queues(spot)), "AWS::Batch::ComputeEnvironment")["ComputeResources"]

    assert resources["Type"] == "SPOT"
    assert resources["AllocationStrategy"] == "SPOT_PRICE_CAPACITY_OPTIMIZED"
    assert resources["BidPercentage"] == 60


def test_a_queue_uses_its_environments_in_their_order() -> None:
    result = rendered(Scheduling=queues(queue("main", compute_resource("zeta"), compute_resource("alpha"))))

    order = only(result, "AWS::Batch::JobQueue")["ComputeEnvironmentOrder"]

    assert [item["Order"] for item in order] == [1, 2]
    assert order[0]["ComputeEnvironment"]["Ref"].startswith("EnvironmentMainZeta")


def test_jobs_see_the_shared_storage_under_its_own_path() -> None:
    definitions = of_type(rendered(), "AWS::Batch::JobDefinition").values()
    single = next(item["Properties"] for item in definitions if item["Properties"]["Type"] == "container")

    paths = {mount["ContainerPath"] for mount in single["ContainerProperties"]["MountPoints"]}

    assert "/shared" in paths


def test_no_value_of_a_configuration_stands_inside_fn_sub() -> None:
    access = {"BucketName": "data", "KeyName": "${AWS::AccountId}/*"}
    head_node = {**configuration()["HeadNode"], "Iam": {"S3Access": [access]}}

    assert '"Fn::Sub"' not in rendered(HeadNode=head_node).body()


def test_every_names_prefix_and_path_are_the_control_planes() -> None:
    cluster = load(configuration())
    result = blueprint(cluster, site_for(cluster, name_prefix="dev", iam_path="/hpc/"))

    for role in of_type(result, "AWS::IAM::Role").values():
        assert role["Properties"]["RoleName"].startswith("dev-genomics-")
        assert role["Properties"]["Path"] == "/hpc/"


def test_the_stack_has_the_tags_of_its_resources() -> None:
    result = rendered(Tags=[{"Key": "project", "Value": "genomes"}])

    assert result.tags == {"shoal:cluster": "genomics", "shoal:kind": "awsbatch", "project": "genomes"}


def test_a_summary_counts_the_resources_of_each_type() -> None:
    result = rendered()

    summary = resource_summary(result)

    assert summary["AWS::Batch::JobDefinition"] == 2
    assert sum(summary.values()) == len(result.template["Resources"])


def test_the_same_configuration_and_site_give_the_same_template() -> None:
    assert rendered().body() == rendered().body()


NAME = st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,24}", fullmatch=True)


@given(st.tuples(NAME, NAME), st.tuples(NAME, NAME))
def test_two_things_have_one_logical_id_only_if_they_have_the_same_names(
    one: tuple[str, str], other: tuple[str, str]
) -> None:
    assert (logical_id("Environment", *one) == logical_id("Environment", *other)) == (one == other)


@given(st.text(max_size=40), NAME)
def test_a_logical_id_is_alphanumeric_whatever_the_name(text: str, name: str) -> None:
    assert logical_id("Volume", text, name).isascii()
    assert logical_id("Volume", text, name).isalnum()
