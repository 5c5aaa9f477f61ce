"""Is a request read, and everything that is wrong with one told by its field?"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.errors import ErrorCode, OperationError
from shoal.operation.catalogue import CATALOGUE
from shoal.operation.request import read_request

CONFIGURATION: dict[str, Any] = {"Region": "us-east-1"}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=20), inner, max_size=4),
    max_leaves=10,
)


def refusal(data: Any) -> str:
    with pytest.raises(OperationError) as caught:
        read_request(data)
    assert caught.value.code is ErrorCode.INVALID_REQUEST
    return caught.value.message


def create(**fields: Any) -> dict[str, Any]:
    return {"operation": "create", "clusterName": "genomics", "clusterConfiguration": CONFIGURATION} | fields


def test_an_empty_input_asks_for_help() -> None:
    assert read_request({}).operation == "help"


@pytest.mark.parametrize("operation", CATALOGUE.values(), ids=CATALOGUE)
def test_the_example_of_every_operation_is_a_request(operation: Any) -> None:
    assert read_request(operation.example).action is operation


@pytest.mark.parametrize("data", [[], "create", 5, None, True])
def test_what_is_not_an_object_is_refused_with_an_example(data: Any) -> None:
    assert '{"operation": "describe"' in refusal(data)


def test_an_unknown_operation_names_the_nearest_one() -> None:
    assert "did you mean create?" in refusal({"operation": "creat"})


def test_a_request_without_an_operation_says_which_there_are() -> None:
    assert "build-image" in refusal({"clusterName": "genomics"})


def test_a_misspelled_field_names_the_nearest_one() -> None:
    assert "clustrName is not a field of describe; did you mean clusterName?" in refusal(
        {"operation": "describe", "clustrName": "x"}
    )


def test_every_problem_is_told_at_once() -> None:
    message = refusal({"operation": "create", "clusterName": "Genomics", "dryrun": "yes", "deadlineMinutes": 1})
    assert all(field in message for field in ("clusterName", "dryrun", "deadlineMinutes", "clusterConfiguration"))


@pytest.mark.parametrize("name", ["", "Genomics", "1st", "a_b", "a" * 32, "gene.omics", "-a", "a\n"])
def test_a_name_that_no_cluster_can_have_is_refused(name: str) -> None:
    assert "clusterName" in refusal({"operation": "describe", "clusterName": name})


@pytest.mark.parametrize("name", ["a", "a" * 31, "genomics-2"])
def test_a_name_of_letters_digits_and_hyphens_is_taken(name: str) -> None:
    assert read_request({"operation": "describe", "clusterName": name}).cluster_name == name


@pytest.mark.parametrize("configuration", [[], 5, True])
def test_a_configuration_that_is_neither_a_mapping_nor_text_is_refused(configuration: Any) -> None:
    assert "clusterConfiguration" in refusal(create(clusterConfiguration=configuration))


def test_a_configuration_is_given_once() -> None:
    assert "exactly one of" in refusal(create(clusterConfigurationUri="s3://bucket/key.yaml"))


@pytest.mark.parametrize("uri", ["https://bucket/key", "s3://bucket", "s3://b/key", "bucket/key"])
def test_a_configuration_uri_that_is_not_s3s_is_refused(uri: str) -> None:
    data = {"operation": "update", "clusterName": "genomics", "clusterConfigurationUri": uri}
    assert "must look like s3://bucket/key.yaml" in refusal(data)


def test_a_configuration_uri_is_split_into_bucket_and_key() -> None:
    data = {"operation": "update", "clusterName": "genomics", "clusterConfigurationUri": "s3://my-bucket/a/b.yaml"}
    assert read_request(data).configuration_location() == ("my-bucket", "a/b.yaml")


def test_a_configuration_beyond_64_kb_is_to_be_stored_in_s3() -> None:
    large = create(clusterConfiguration={"Comment": "x" * 65_536})
    assert "clusterConfigurationUri" in refusal(large)


@pytest.mark.parametrize("field", ["dryrun", "rollbackOnFailure"])
def test_a_flag_is_a_boolean_and_nothing_that_looks_like_one(field: str) -> None:
    assert field in refusal(create(**{field: "true"}))


def test_a_dry_run_changes_nothing_and_so_takes_no_lock() -> None:
    assert not read_request(create(dryrun=True)).changes_something
    assert read_request(create()).changes_something


def told(data: Any) -> str:
    """What is said about a request that cannot be read; empty for one that can."""
    try:
        read_request(data)
    except OperationError as error:
        return error.message
    return ""


@given(JSON)
def test_whatever_is_asked_there_is_no_traceback(data: Any) -> None:
    assert isinstance(told(data), str)


@given(st.sampled_from(sorted(CATALOGUE)), JSON)
def test_whatever_a_cluster_is_called_only_its_name_is_complained_about(operation: str, name: Any) -> None:
    example = CATALOGUE[operation].example | (
        {"clusterName": name} if "clusterName" in CATALOGUE[operation].fields else {}
    )
    message = told(example)
    assert message == "" or "clusterName" in message
