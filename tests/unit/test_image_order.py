"""What is a build given, and what is said of its image?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.image.order import BUILD_MINUTES, BuildOrder, answer, build_input

NOW = datetime(2026, 11, 24, 10, 15, tzinfo=UTC)
NAMES = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=20)
ORDERS = st.builds(
    BuildOrder,
    bucket_name=NAMES,
    context_key=NAMES,
    repository_name=NAMES,
    project_name=NAMES,
    image_tag=NAMES,
    base_image=NAMES,
    environment_type=NAMES,
    environment_image=NAMES,
    build_args=st.dictionaries(NAMES, st.text(max_size=10), max_size=3),
)
ORDER = BuildOrder("b", "build/t/context.zip", "shoal/g", "p", "t", "debian", "LINUX_CONTAINER", "i", {"MPI": "yes"})


@given(ORDERS)
def test_an_order_survives_the_state_machine(order: BuildOrder) -> None:
    assert BuildOrder.from_state(order.to_state()) == order


@pytest.mark.parametrize(
    ("minutes_left", "minutes"), [(-10, 5), (0, 5), (4, 5), (5, 5), (6, 6), (59.9, 59), (60, 60), (600, 60)]
)
def test_a_build_gets_the_minutes_that_are_left(minutes_left: float, minutes: int) -> None:
    assert build_input(ORDER, NOW, NOW + timedelta(minutes=minutes_left))["timeoutInMinutes"] == minutes


@given(st.datetimes(timezones=st.just(UTC)), st.datetimes(timezones=st.just(UTC)))
def test_the_minutes_of_a_build_are_ones_that_codebuild_takes(now: datetime, deadline: datetime) -> None:
    shortest, longest = BUILD_MINUTES
    assert shortest <= build_input(ORDER, now, deadline)["timeoutInMinutes"] <= longest


def test_every_argument_is_a_variable_and_is_named_to_the_buildspec() -> None:
    variables = {
        variable["Name"]: variable["Value"] for variable in build_input(ORDER, NOW, NOW)["environmentVariables"]
    }
    assert variables == {"IMAGE_TAG": "t", "BUILD_ARGS": "BASE_IMAGE MPI", "BASE_IMAGE": "debian", "MPI": "yes"}


def test_the_answer_tells_a_built_image_from_one_that_was_there() -> None:
    summaries = {answer(ORDER, "registry/shoal/g", "sha256:1", built=built)["summary"] for built in (True, False)}
    assert len(summaries) == 2
    assert all("registry/shoal/g:t" in summary for summary in summaries)
