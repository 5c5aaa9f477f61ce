"""What is a build given, and what is said of its image?"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.image.content import companion_files, read_context
from shoal.image.order import BUILD_MINUTES, BuildOrder, ContextSource, build_input

NOW = datetime(2026, 11, 24, 10, 15, tzinfo=UTC)
NAMES = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=20)
ORDERS = st.builds(
    BuildOrder,
    contextSource=st.none() | st.builds(ContextSource, bucket=NAMES, key=NAMES, versionId=NAMES),
    buildArgs=st.dictionaries(NAMES, st.text(max_size=10), max_size=3),
)
ORDER = BuildOrder(
    bucket_name="b",
    context_key="build/t/context.zip",
    repository_name="shoal/g",
    cache_image="registry/shoal/g/cache:amd64-main",
    project_name="p",
    image_tag="t",
    base_image="debian",
    environment_type="LINUX_CONTAINER",
    environment_image="i",
    compute_type="BUILD_GENERAL1_SMALL",
    timeout_minutes=60,
    build_args={"MPI": "yes"},
    dockerfile="Dockerfile",
    target="jobs",
    platform="linux/amd64",
    queues=("main",),
)


@given(ORDERS)
def test_an_order_survives_the_state_machine(order: BuildOrder) -> None:
    assert BuildOrder.from_state(json.loads(json.dumps(order.to_state()))) == order


def test_an_orders_keys_are_those_of_the_state_machine() -> None:
    assert {"baseImage", "buildArgs", "contextSource", "imageTag", "timeoutMinutes"} < set(ORDER.to_state())
    assert all(key[0].islower() and key.isalpha() for key in ORDER.to_state())


@pytest.mark.parametrize(
    ("minutes_left", "minutes"), [(-10, 5), (0, 5), (4, 5), (5, 5), (6, 6), (59.9, 59), (60, 60), (600, 60)]
)
def test_a_build_gets_the_minutes_that_are_left(minutes_left: float, minutes: int) -> None:
    assert build_input(ORDER, NOW, NOW + timedelta(minutes=minutes_left))["timeoutInMinutes"] == minutes


@given(st.datetimes(timezones=st.just(UTC)), st.datetimes(timezones=st.just(UTC)))
def test_the_minutes_of_a_build_are_ones_that_codebuild_takes(now: datetime, deadline: datetime) -> None:
    shortest, longest = BUILD_MINUTES
    assert shortest <= build_input(ORDER, now, deadline)["timeoutInMinutes"] <= longest


@given(st.integers(*BUILD_MINUTES))
def test_a_build_gets_the_time_that_its_order_says(minutes: int) -> None:
    order = ORDER.model_copy(update={"timeout_minutes": minutes})
    assert build_input(order, NOW, NOW + timedelta(days=1))["timeoutInMinutes"] == minutes


def test_every_argument_is_a_variable_and_is_named_to_the_buildspec() -> None:
    variables = {
        variable["Name"]: variable["Value"] for variable in build_input(ORDER, NOW, NOW)["environmentVariables"]
    }
    assert variables == {
        "IMAGE_TAG": "t",
        "CACHE_IMAGE": "registry/shoal/g/cache:amd64-main",
        "DOCKERFILE": "Dockerfile",
        "TARGET": "jobs",
        "PLATFORM": "linux/amd64",
        "BUILD_ARGS": "BASE_IMAGE MPI",
        "BASE_IMAGE": "debian",
        "MPI": "yes",
    }


def test_an_order_without_a_target_gives_none_since_codebuild_takes_no_empty_variable() -> None:
    untargeted = ORDER.model_copy(update={"target": ""})
    names = {variable["Name"] for variable in build_input(untargeted, NOW, NOW)["environmentVariables"]}
    assert "TARGET" not in names


def test_the_buildspec_is_shoals_own_beside_a_users_context_too() -> None:
    theirs = ORDER.model_copy(update={"context_source": ContextSource(bucket="b", key="k", version_id="v")})
    paths = [build_input(order, NOW, NOW)["buildspec"] for order in (ORDER, theirs)]
    assert paths == ["buildspec.yml", ".shoal/buildspec.yml"]
    assert paths[0] in {file.path for file in read_context()}
    assert paths[1] in {file.path for file in companion_files()}
