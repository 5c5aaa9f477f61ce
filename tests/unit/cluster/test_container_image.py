"""What may be said of a container image, and is everything else refused in one sentence that names the key?"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.cluster.configuration import load
from shoal.cluster.problems import ConfigurationError, Problem
from shoal.image.arguments import LONGEST_ARGUMENTS, MOST_ARGUMENTS, own_arguments
from tests.support.clusters import configuration, queue

CONTEXT = {"Context": "s3://mine/one.zip"}


def found(image: Any, **where: Any) -> list[Problem]:
    """The problems of a configuration with a container image."""
    try:
        load(configuration(ContainerImage=image), **where)
    except ConfigurationError as error:
        return list(error.problems)
    return []


@pytest.mark.parametrize(
    "image",
    [
        {},
        {"Uri": "debian"},
        CONTEXT,
        {"Context": "s3://mine/folder/"},
        {"Context": "images/jobs"},
        CONTEXT | {"Dockerfile": "docker/jobs.Dockerfile", "Target": "run-time", "BuildArgs": {"MPI_VERSION": "4.1"}},
        {"BuildArgs": {"BASE_IMAGE": "public.ecr.aws/debian/debian:13"}, "BuildTimeout": 480},
        {"Platform": "linux/amd64", "ComputeType": "BUILD_GENERAL1_2XLARGE", "BuildTimeout": "5"},
        CONTEXT | {"BuildArgs": {f"A{n}": "x" * 90 for n in range(MOST_ARGUMENTS)}},
    ],
)
def test_an_image_may_be_said_so(image: dict[str, Any]) -> None:
    assert found(image) == []


@pytest.mark.parametrize(
    ("image", "path", "sentence"),
    [
        ({"Uri": "debian"} | CONTEXT, "Context", "stands beside Uri, which names a ready image that is not built"),
        ({"Uri": "debian", "BuildTimeout": 60}, "BuildTimeout", "stands beside Uri"),
        ({"Uri": "Not An Image"}, "Uri", "has a value of the wrong form"),
        ({"Target": "run"}, "Target", "says how to build a context, and there is none"),
        ({"Dockerfile": "other"}, "Dockerfile", "says how to build a context, and there is none"),
        ({"Context": "s3://mine/one.tar"}, "Context", "has a value of the wrong form"),
        ({"Context": "https://example.com/one.zip"}, "Context", "has a value of the wrong form"),
        (CONTEXT | {"Dockerfile": "/etc/Dockerfile"}, "Dockerfile", "has a value of the wrong form"),
        (CONTEXT | {"Dockerfile": "../Dockerfile"}, "Dockerfile", "has a value of the wrong form"),
        (CONTEXT | {"Target": "-"}, "Target", "has a value of the wrong form"),
        ({"BuildTimeout": 4}, "BuildTimeout", "is too small"),
        ({"BuildTimeout": 481}, "BuildTimeout", "is too large"),
        ({"ComputeType": "BUILD_LAMBDA_1GB"}, "ComputeType", "has an unknown value"),
        ({"Platform": "linux/s390x"}, "Platform", "has an unknown value"),
        (CONTEXT | {"BuildArgs": {"1A": "x"}}, "BuildArgs.<unreadable key>", "has a name of the wrong form"),
        (CONTEXT | {"BuildArgs": {"A-B": "x"}}, "BuildArgs.A-B", "has a name of the wrong form"),
        (CONTEXT | {"BuildArgs": {"A": 1}}, "BuildArgs.A", "must be a string"),
        (CONTEXT | {"BuildArgs": {"A": "one\ntwo"}}, "BuildArgs.A", "holds a control character"),
        (CONTEXT | {"BuildArgs": {"A": "{{resolve:ssm:x}}"}}, "BuildArgs.A", "holds a dynamic reference"),
        (CONTEXT | {"BuildArgs": {"BASE_IMAGE": "A B"}}, "BuildArgs.BASE_IMAGE", "has a value of the wrong form"),
        ({"BuildArgs": {"MPI": "4"}}, "BuildArgs.MPI", "is no argument of Shoal's own image"),
        (CONTEXT | {"BuildArgs": {f"A{n}": "" for n in range(MOST_ARGUMENTS + 1)}}, "BuildArgs", "has too many items"),
        (CONTEXT | {"BuildArgs": {"A": "x" * LONGEST_ARGUMENTS}}, "BuildArgs", "is too long"),
    ],
)
def test_what_is_wrong_with_an_image_is_told_at_its_key(image: dict[str, Any], path: str, sentence: str) -> None:
    (problem,) = found(image)
    assert problem.path == f"ContainerImage.{path}"
    assert sentence in problem.message


@pytest.mark.parametrize(
    "name",
    ["IMAGE_TAG", "REPOSITORY_URI", "TARGET", "CODEBUILD_BUILD_ID", "AWS_REGION", "DOCKER_HOST", "PATH", "LD_PRELOAD"],
)
def test_an_argument_cannot_have_a_name_that_the_build_uses(name: str) -> None:
    (problem,) = found(CONTEXT | {"BuildArgs": {name: "x"}})
    assert problem.path == f"ContainerImage.BuildArgs.{name}"
    assert "a name that the build uses itself" in problem.message


def test_everything_that_is_wrong_is_told_at_once() -> None:
    wrong = {"Target": "run", "BuildTimeout": 1, "BuildArgs": {"MPI": "4", "PATH": "/"}}
    assert {problem.path.removeprefix("ContainerImage.") for problem in found(wrong)} == {
        "Target",
        "BuildTimeout",
        "BuildArgs.MPI",
        "BuildArgs.PATH",
    }


@pytest.mark.parametrize("level", ["cluster", "queue"])
def test_a_directory_is_refused_where_only_the_command_line_could_read_it(level: str) -> None:
    image = {"Context": "images/jobs"}
    sections: dict[str, Any] = {"ContainerImage": image}
    if level == "queue":
        sections = {"Scheduling": {"Scheduler": "awsbatch", "AwsBatchQueues": [queue("main", ContainerImage=image)]}}
    with pytest.raises(ConfigurationError) as refused:
        load(configuration(**sections), region="us-east-1")
    (problem,) = refused.value.problems
    assert problem.path.endswith("ContainerImage.Context")
    assert "is a directory, which only the command line can upload" in problem.message


def test_shoals_own_image_takes_a_base_image() -> None:
    assert "BASE_IMAGE" in own_arguments()


@given(st.text("abcdefghijklmnopqrstuvwxyz./-_", min_size=1, max_size=12))
def test_the_path_of_a_dockerfile_stays_in_its_context_and_is_no_option(path: str) -> None:
    wrong = path[0] in "-/" or path[-1] == "/" or {".", ".."} & set(path.split("/"))
    assert bool(found(CONTEXT | {"Dockerfile": path})) is bool(wrong)
