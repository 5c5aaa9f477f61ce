"""Reading a document: YAML and JSON, what comes back out, and what no document may hold."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shoal.cluster.configuration import Cluster, load
from shoal.cluster.keys import walk
from shoal.cluster.problems import ConfigurationError
from shoal.cluster.reading import MOST_NODES
from tests.support.clusters import configuration, largest_configuration, queue
from tests.support.mistakes import changed, only_problem, problems

HUGE = "&a [" + "x," * 200 + "]\nb: &b [" + "*a," * 200 + "]\n"


def test_a_configuration_is_the_same_as_yaml_as_json_and_as_a_mapping() -> None:
    document = configuration()
    assert load(yaml.safe_dump(document)) == load(json.dumps(document, indent="\t")) == load(document)


def test_the_largest_configuration_is_accepted() -> None:
    assert len(load(largest_configuration()).scheduling.aws_batch_queues) == 10


def test_dumping_gives_back_what_was_written() -> None:
    assert load(configuration()).dump() == configuration()


@given(
    st.lists(st.integers(0, 100), min_size=3, max_size=3).map(sorted),
    st.booleans(),
    st.sampled_from(["gp3", "gp2", "io1"]),
    st.dictionaries(st.from_regex(r"[a-z]{1,20}", fullmatch=True), st.text("abc Ä1", max_size=20), max_size=5),
)
@settings(deadline=None)
def test_a_dumped_configuration_loads_as_the_same(
    vcpus: list[int], encrypted: bool, volume_type: str, tags: dict[str, str]
) -> None:
    resource = {
        "Name": "all",
        "InstanceTypes": ["optimal"],
        "MinvCpus": vcpus[0],
        "DesiredvCpus": vcpus[1],
        "MaxvCpus": vcpus[2] + 1,
    }
    storage = {"MountDir": "data", "Name": "data", "StorageType": "Ebs"}
    document = configuration(
        Scheduling={"Scheduler": "awsbatch", "AwsBatchQueues": [queue("main", resource)]},
        SharedStorage=[storage | {"EbsSettings": {"Encrypted": encrypted, "VolumeType": volume_type}}],
        Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
    )
    cluster = load(document)
    assert load(cluster.dump()) == cluster
    assert load(yaml.safe_dump(cluster.dump())).dump() == cluster.dump()


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.binary(max_size=4) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8) | st.integers(), inner, max_size=3),
    max_leaves=8,
)


@given(path=st.sampled_from([key.path.replace("[]", ".0") for key in walk(Cluster)]), value=ANYTHING)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_stands_at_a_key_is_accepted_or_told_never_a_traceback(path: str, value: Any) -> None:
    try:
        load(changed(path, value))
    except ConfigurationError as error:
        assert all(problem.message and problem.suggestion for problem in error.problems)  # noqa: PT017 - either may be


@given(st.text(max_size=60))
@settings(deadline=None)
def test_whatever_text_is_given_is_accepted_or_told_never_a_traceback(text: str) -> None:
    assert problems(text)


@pytest.mark.parametrize("text", ["", "   \n", "# nothing\n", "---\n"])
def test_an_empty_document_is_refused(text: str) -> None:
    assert only_problem(text).code == "Unreadable"


@pytest.mark.parametrize("text", ["- a\n", "text", "42", "[]", "{}"])
def test_a_document_that_is_no_mapping_is_refused(text: str) -> None:
    assert only_problem(text).code == "Unreadable"


@pytest.mark.parametrize(
    "text",
    [
        "password: [secret",
        "password: 'secret",
        "{password: secret",
        "a: b: secret",
        "\tsecret: 1",
        "a: !secret b",
        "- a\nsecret: b",
    ],
)
def test_a_parse_error_names_the_place_and_never_the_text(text: str) -> None:
    problem = only_problem(text)
    assert problem.code == "Unreadable"
    assert "line" in problem.message
    assert "secret" not in f"{problem.message}{problem.suggestion}"


@pytest.mark.parametrize("text", ["a: 2026-13-45", "[" * 5000, "a: \x00", "a: 1\n---\nb: 2\n", "a: &a [*a]"])
def test_a_document_that_yaml_stumbles_over_is_refused_in_one_sentence(text: str) -> None:
    assert only_problem(text).code == "Unreadable"


def test_aliases_that_blow_up_are_refused() -> None:
    problem = only_problem(f"a: {HUGE}c: [{'*b,' * 200}]\n")
    assert str(MOST_NODES) in problem.message


def test_a_mapping_that_is_nested_too_deep_is_refused() -> None:
    deep: Any = "bottom"
    for _ in range(5000):
        deep = [deep]
    assert only_problem(configuration(Tags=deep)).code == "Unreadable"


def test_aliases_are_welcome() -> None:
    text = yaml.safe_dump(configuration())
    assert load(f"{text}\nTags:\n- {{Key: a, Value: &v b}}\n- {{Key: c, Value: *v}}\n").tags[1].value == "b"


def test_a_duplicate_key_is_refused_with_both_lines() -> None:
    problem = only_problem("Image:\n  Os: debian12\n  Os: alinux2023\nHeadNode: {}\n")
    assert (problem.path, problem.code) == ("Image.Os", "DuplicateKey")
    assert "lines 2 and 3" in problem.message
    assert only_problem("{Image: {}, Image: {}}").path == "Image"


@pytest.mark.parametrize("key", [1234567, True, "a\x1bb", "secret value", "x" * 100])
def test_a_key_that_looks_like_no_key_is_not_echoed(key: Any) -> None:
    for problem in problems(configuration() | {key: 1}):
        assert problem.path == "<unreadable key>"
        assert str(key) not in f"{problem.message}{problem.suggestion}"


@pytest.mark.parametrize("path", ["HeadNode.Ssh.KeyName", "Tags.0.Value", "HeadNode.InstanceType", "Colour"])
def test_a_dynamic_reference_is_refused_anywhere(path: str) -> None:
    document = configuration(Tags=[{"Key": "a", "Value": "b"}])
    section: Any = document
    *steps, last = path.split(".")
    for step in steps:
        section = section[int(step)] if isinstance(section, list) else section.setdefault(step, {})
    section[last] = "x{{resolve:secretsmanager:password}}"
    assert "Forbidden" in {problem.code for problem in problems(document)}


def test_a_dynamic_reference_in_a_key_is_refused() -> None:
    assert "Forbidden" in {problem.code for problem in problems(configuration() | {"{{resolve:ssm:a}}": 1})}


@pytest.mark.parametrize("text", ["a\nb", "a\x00b", "a\u2028b", "a\x1b[0m"])
def test_a_control_character_is_refused_anywhere(text: str) -> None:
    assert only_problem(changed("HeadNode.Ssh.KeyName", text)).code == "Forbidden"


@pytest.mark.parametrize(
    "key", ["aws:cloudformation:stack-id", "AWS:x", "shoal:cluster", "Shoal:kind", "parallelcluster:x"]
)
def test_reserved_tags_are_refused(key: str) -> None:
    assert only_problem(configuration(Tags=[{"Key": key, "Value": "x"}])).path == "Tags[0].Key"


def test_a_configuration_for_another_region_is_refused() -> None:
    problem = only_problem(configuration(Region="eu-west-1"), region="us-east-1")
    assert (problem.path, problem.code) == ("Region", "Forbidden")


def test_a_configuration_without_region_is_for_every_region() -> None:
    document = configuration()
    del document["Region"]
    assert load(document, region="eu-west-1").region is None


def test_shoals_own_buckets_are_refused_as_custom_bucket() -> None:
    problem = only_problem(configuration(CustomS3Bucket="shoal-genomics-1234abcd"), name_prefix="shoal")
    assert (problem.path, problem.code) == ("CustomS3Bucket", "Forbidden")
    assert load(configuration(CustomS3Bucket="shoals-of-fish"), name_prefix="shoal").custom_s3_bucket
