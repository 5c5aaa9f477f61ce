"""Is a container made with the options and variables that its properties stand for?"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

import pytest

from embedded_aws.batch.containers import options
from embedded_aws.batch.properties import merged
from embedded_aws.batch.variables import batch_variables, variables
from tests.support.jobs import CONTAINER, array, job, multinode

WORK = {"computeEnvironmentArn": "arn:aws:batch:us-east-1:111111111111:compute-environment/work"}


def given(**properties: Any) -> str:
    return " ".join(options(merged(CONTAINER | properties, {}, {}), {}, "host", 2, PurePosixPath("/disk")))


@pytest.fixture(autouse=True)
def endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({}, "--network host --cpus 1 --cpu-shares 1024 --memory 128m --memory-swap 128m"),
        ({"vcpus": 8}, "--cpus 2 --cpu-shares 8192"),
        ({"user": "nobody"}, "--user nobody"),
        ({"readonlyRootFilesystem": True}, "--read-only"),
        ({"privileged": True}, "--privileged"),
        ({"ulimits": [{"name": "nofile", "softLimit": 1, "hardLimit": 2}]}, "--ulimit nofile=1:2"),
        ({"linuxParameters": {"initProcessEnabled": True}}, "--init"),
        ({"linuxParameters": {"sharedMemorySize": 64}}, "--shm-size 64m"),
        ({"linuxParameters": {"maxSwap": 64, "swappiness": 10}}, "--memory-swap 192m --memory-swappiness 10"),
        ({"linuxParameters": {"tmpfs": [{"containerPath": "/t", "size": 8}]}}, "--tmpfs /t:size=8m"),
        ({"linuxParameters": {"devices": [{"hostPath": "/dev/fuse"}]}}, "--device /dev/fuse:/dev/fuse:rwm"),
    ],
)
def test_a_property_is_an_option(properties: dict[str, Any], expected: str) -> None:
    assert expected in given(**properties)


def test_a_directory_of_the_host_is_bound_in_and_a_volume_without_one_is_anonymous() -> None:
    found = given(
        volumes=[{"name": "a", "host": {"sourcePath": "/srv/a"}}, {"name": "b"}],
        mountPoints=[
            {"sourceVolume": "a", "containerPath": "/a", "readOnly": True},
            {"sourceVolume": "b", "containerPath": "/b"},
        ],
    )
    assert "--volume /disk/srv/a:/a:ro --volume /b" in found


def test_a_path_of_the_host_does_not_lead_out_of_its_disk() -> None:
    found = given(
        volumes=[{"name": "a", "host": {"sourcePath": "/../../etc"}}],
        mountPoints=[{"sourceVolume": "a", "containerPath": "/a"}],
    )
    assert "--volume /disk/etc:/a" in found


def test_a_job_knows_itself_its_queue_and_its_attempt() -> None:
    assert batch_variables(job("a"), WORK, 2, None) == {
        "AWS_BATCH_JOB_ID": "a",
        "AWS_BATCH_JOB_ATTEMPT": "2",
        "AWS_BATCH_JQ_NAME": "main",
        "AWS_BATCH_CE_NAME": "work",
    }


def test_a_child_of_an_array_knows_its_index_and_how_many_there_are() -> None:
    found = batch_variables(array("a", 3).children[2], WORK, 1, None)
    assert found["AWS_BATCH_JOB_ID"] == "a:2"
    assert (found["AWS_BATCH_JOB_ARRAY_INDEX"], found["AWS_BATCH_JOB_ARRAY_SIZE"]) == ("2", "3")


def test_only_the_other_nodes_are_told_the_address_of_the_main_one() -> None:
    main, other = (batch_variables(node, WORK, 1, "172.31.16.10") for node in job("a", multinode(2)).children)
    own = "AWS_BATCH_JOB_MAIN_NODE_PRIVATE_IPV4_ADDRESS"
    assert (own in main, other[own]) == (False, "172.31.16.10")
    assert (other["AWS_BATCH_JOB_ID"], other["AWS_BATCH_JOB_NODE_INDEX"]) == ("a#1", "1")
    assert (other["AWS_BATCH_JOB_NUM_NODES"], other["AWS_BATCH_JOB_MAIN_NODE_INDEX"]) == ("2", "0")


def test_the_submitters_variables_count_but_for_those_of_batch() -> None:
    asked = [{"name": "A", "value": "1"}, {"name": "AWS_BATCH_JOB_ID", "value": "x"}]
    found = variables(job("a", containerOverrides={"environment": asked}), WORK, 1, None, None)
    assert (found["A"], found["AWS_BATCH_JOB_ID"]) == ("1", "a")


def test_a_container_is_told_the_server_and_where_its_roles_credentials_are() -> None:
    found = variables(job("a"), WORK, 1, "/credentials", None)
    assert found["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4566"
    assert found["AWS_CONTAINER_CREDENTIALS_FULL_URI"] == "http://127.0.0.1:4566/credentials"
    assert "AWS_CONTAINER_CREDENTIALS_FULL_URI" not in variables(job("a"), WORK, 1, None, None)
