"""What outlives a stack: kept on purpose, on its way out, or left over?"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from shoal.aws.sweepers import SWEEPERS
from shoal.cleanup.leftovers import ARNS, LIMIT, Remains, Thing, identify, judge, kept, suspects
from shoal.errors import ErrorCode, OperationError

SINCE = datetime(2026, 11, 24, 10, 15, tzinfo=UTC)
STACK = "arn:aws:cloudformation:us-east-1:111111111111:stack/shoal-cluster-genomics/1"
OLDER = STACK.replace("/1", "/0")
VOLUME = Thing("AWS::EC2::Volume", "vol-1")
NOTHING = Remains(kept=[], left=[], removed=40)


def resource(kind: str, physical_id: str, status: str) -> dict[str, str]:
    return {"ResourceType": kind, "PhysicalResourceId": physical_id, "ResourceStatus": status}


def arn(rest: str) -> str:
    service, _, name = rest.partition(":")
    return f"arn:aws:{service}:us-east-1:111111111111:{name}"


@pytest.mark.parametrize(
    ("found", "thing"),
    [
        (arn("ec2:volume/vol-1"), VOLUME),
        (arn("logs:log-group:/shoal/genomics/jobs:*"), Thing("AWS::Logs::LogGroup", "/shoal/genomics/jobs")),
        (arn("logs:log-group:/shoal/genomics/jobs"), Thing("AWS::Logs::LogGroup", "/shoal/genomics/jobs")),
        (arn("batch:job-queue/main"), Thing("AWS::Batch::JobQueue", arn("batch:job-queue/main"))),
        ("arn:aws:s3:::shoal-genomics", Thing("AWS::S3::Bucket", "shoal-genomics")),
        (arn("ecr:repository/shoal/genomics"), Thing("AWS::ECR::Repository", "shoal/genomics")),
        (arn("sns:shoal-genomics-nodes"), Thing("AWS::SNS::Topic", arn("sns:shoal-genomics-nodes"))),
        (arn("sqs:shoal-genomics-nodes"), Thing("AWS::SQS::Queue", "shoal-genomics-nodes")),
        (arn("dynamodb:table/shoal-genomics-nodes"), Thing("AWS::DynamoDB::Table", "shoal-genomics-nodes")),
        (arn("ec2:placement-group/main"), Thing("AWS::EC2::PlacementGroup", "main")),
        (
            arn("autoscaling:autoScalingGroup:5f6a-7b:autoScalingGroupName/shoal-genomics_main-small"),
            Thing("AWS::AutoScaling::AutoScalingGroup", "shoal-genomics_main-small"),
        ),
        (arn("kinesis:stream/main"), Thing("kinesis:stream", arn("kinesis:stream/main"))),
    ],
)
def test_an_arn_is_read_as_the_thing_it_names(found: str, thing: Thing) -> None:
    assert identify(found) == thing


@pytest.mark.parametrize("resource_type", sorted(set(ARNS.values())))
def test_whatever_a_tag_can_find_can_be_confirmed(resource_type: str) -> None:
    assert resource_type in {sweeper.resource_type for sweeper in SWEEPERS}


def test_mount_targets_go_before_their_file_system() -> None:
    order = [sweeper.resource_type for sweeper in SWEEPERS if sweeper.delete]
    assert order.index("AWS::EFS::MountTarget") < order.index("AWS::EFS::FileSystem")


def test_a_queue_is_one_thing_whether_its_address_or_its_arn_tells_of_it() -> None:
    address = "https://sqs.us-east-1.amazonaws.com/111111111111/shoal-genomics-nodes"
    resources = [resource("AWS::SQS::Queue", address, "DELETE_COMPLETE")]
    tagged = [(arn("sqs:shoal-genomics-nodes"), {"aws:cloudformation:stack-id": STACK})]
    assert suspects(resources, tagged, STACK, []) == {Thing("AWS::SQS::Queue", "shoal-genomics-nodes")}


def test_what_the_stack_says_it_deleted_is_looked_for() -> None:
    resources = [resource("AWS::EC2::Volume", "vol-1", "DELETE_COMPLETE")]
    assert suspects(resources, [], STACK, []) == {VOLUME}


def test_what_carries_the_tag_of_this_stack_is_looked_for() -> None:
    tagged = [(arn("ec2:volume/vol-1"), {"aws:cloudformation:stack-id": STACK})]
    assert suspects([], tagged, STACK, []) == {VOLUME}


def test_what_an_older_cluster_of_the_same_name_kept_is_not_ours() -> None:
    tagged = [(arn("ec2:volume/vol-1"), {"aws:cloudformation:stack-id": OLDER})]
    assert suspects([], tagged, STACK, []) == set()


def test_an_instance_that_batch_started_is_ours_by_the_clusters_tag() -> None:
    tagged = [(arn("ec2:instance/i-1"), {"shoal:cluster": "genomics"})]
    assert suspects([], tagged, STACK, []) == {Thing("AWS::EC2::Instance", "i-1")}


def test_a_bucket_with_the_clusters_tag_alone_is_not_ours() -> None:
    assert suspects([], [("arn:aws:s3:::data", {"shoal:cluster": "genomics"})], STACK, []) == set()


def test_what_is_kept_on_purpose_is_not_suspected() -> None:
    resources = [resource("AWS::EC2::Volume", "vol-1", "DELETE_SKIPPED")]
    retained = kept(resources, ["snap-1"])
    tagged = [(arn("ec2:volume/vol-1"), {"aws:cloudformation:stack-id": STACK})]
    assert retained == [VOLUME, Thing("AWS::EC2::Snapshot", "snap-1")]
    assert suspects(resources, tagged, STACK, retained) == set()


def test_nothing_left_is_said_so() -> None:
    found = judge("genomics", NOTHING, discard=False, since=SINCE, now=SINCE)
    assert found["next"] == "done"
    assert found["report"]["summary"] == "The cluster genomics is deleted: 40 resources removed, nothing left over."


def test_what_was_kept_is_listed() -> None:
    found = judge("genomics", Remains([VOLUME], [], 40), discard=False, since=SINCE, now=SINCE)
    assert found["next"] == "done"
    assert found["report"]["kept"] == [{"resourceType": "AWS::EC2::Volume", "id": "vol-1"}]
    assert "vol-1 (AWS::EC2::Volume) is kept, as its configuration says" in found["report"]["summary"]


def test_a_failed_create_keeps_nothing() -> None:
    assert judge("genomics", Remains([VOLUME], [], 40), discard=True, since=SINCE, now=SINCE)["next"] == "delete"


def test_what_is_on_its_way_out_is_waited_for_longer_and_longer() -> None:
    waits = [
        judge("genomics", Remains([], [VOLUME], 40), discard=False, since=SINCE, now=SINCE + timedelta(seconds=passed))
        for passed in (0, 60, 600)
    ]
    assert [wait["next"] for wait in waits] == ["wait"] * 3
    assert [wait["waitSeconds"] for wait in waits] == [5, 20, 60]


@pytest.mark.parametrize("discard", [False, True])
def test_what_is_still_there_at_the_limit_fails_the_deletion_and_is_named(discard: bool) -> None:
    with pytest.raises(OperationError, match=re.escape("vol-1 (AWS::EC2::Volume) is still there")) as error:
        judge("genomics", Remains([], [VOLUME], 40), discard=discard, since=SINCE, now=SINCE + LIMIT)
    assert error.value.code is ErrorCode.LEFTOVERS_FOUND


def test_a_long_list_of_leftovers_stays_one_line() -> None:
    many = [Thing("AWS::EC2::Volume", f"vol-{number}") for number in range(500)]
    with pytest.raises(OperationError, match="and 480 more") as error:
        judge("genomics", Remains([], many, 40), discard=False, since=SINCE, now=SINCE + LIMIT)
    assert len(error.value.message) < 1_000
