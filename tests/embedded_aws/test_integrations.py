"""Do Resources, Arguments, results and errors map to the AWS API as in Step Functions?"""

from __future__ import annotations

import datetime

import pytest

from embedded_aws.machines.integrations import LARGEST_CAUSE, TaskError, parse, request, result, sdk_name


@pytest.mark.parametrize(
    "resource",
    [
        "arn:aws:states:::aws-sdk:cloudformation:createStak",
        "arn:aws:states:::aws-sdk:cloudformation:CreateStack",
        "arn:aws:states:::aws-sdk:nonesuch:createStack",
        "arn:aws:states:::aws-sdk:codebuild:startBuild.sync",
        "arn:aws:states:::codebuild:startBuild.sync:3",
        "arn:aws:states:::cloudformation:createStack",
    ],
)
def test_a_resource_that_aws_does_not_know_is_a_runtime_error(resource: str) -> None:
    with pytest.raises(TaskError) as raised:
        parse(resource)

    assert raised.value.error == "States.Runtime"


def test_resources_of_every_partition_are_known() -> None:
    assert parse("arn:aws-us-gov:states:::aws-sdk:s3:listObjectVersions").operation.name == "ListObjectVersions"


@pytest.mark.parametrize(
    ("resource", "code", "name"),
    [
        ("aws-sdk:cloudformation:createStack", "AlreadyExistsException", "CloudFormation.AlreadyExistsException"),
        ("aws-sdk:cloudformation:createStack", "ValidationError", "CloudFormation.CloudFormationException"),
        ("aws-sdk:ecr:batchDeleteImage", "RepositoryNotFoundException", "Ecr.RepositoryNotFoundException"),
        ("aws-sdk:s3:getObject", "NoSuchKey", "S3.NoSuchKeyException"),
        ("aws-sdk:s3:getObject", "SlowDown", "S3.S3Exception"),
        ("aws-sdk:dynamodb:getItem", "ThrottlingException", "DynamoDb.ThrottlingException"),
        ("aws-sdk:cloudwatchlogs:createLogGroup", "Surprise", "CloudWatchLogs.CloudWatchLogsException"),
        (
            "aws-sdk:resourcegroupstaggingapi:getResources",
            "No",
            "ResourceGroupsTaggingApi.ResourceGroupsTaggingApiException",
        ),
        ("aws-sdk:sfn:startExecution", "ExecutionAlreadyExists", "Sfn.ExecutionAlreadyExistsException"),
        ("states:startExecution", "ExecutionAlreadyExists", "StepFunctions.ExecutionAlreadyExistsException"),
        ("states:startExecution", "AccessDeniedException", "StepFunctions.AWSStepFunctionsException"),
        ("codebuild:startBuild", "AccountLimitExceededException", "CodeBuild.AccountLimitExceededException"),
        ("codebuild:startBuild", "AccessDeniedException", "CodeBuild.CodeBuildException"),
        ("lambda:invoke", "TooManyRequestsException", "Lambda.TooManyRequestsException"),
        ("lambda:invoke", "AccessDeniedException", "Lambda.AWSLambdaException"),
    ],
)
def test_errors_carry_the_names_that_step_functions_gives_them(resource: str, code: str, name: str) -> None:
    assert parse(f"arn:aws:states:::{resource}").error_name(code) == name


@pytest.mark.parametrize(
    ("member", "name"),
    [("StackName", "StackName"), ("stackName", "StackName"), ("ETag", "ETag"), ("ACL", "Acl"), ("NULL", "Nul"),
     ("SSEKMSKeyId", "SsekmsKeyId"), ("DBClusterIdentifier", "DbClusterIdentifier"), ("TemplateURL", "TemplateURL")],
)  # fmt: skip
def test_members_are_named_as_in_the_sdk_for_java(member: str, name: str) -> None:
    assert sdk_name(member) == name


def test_arguments_become_the_apis_own_names_at_every_depth() -> None:
    shape = parse("arn:aws:states:::codebuild:startBuild").operation.input_shape
    override = {"Name": "TAG", "Value": "abc"}

    found = request({"ProjectName": "image", "EnvironmentVariablesOverride": [override]}, shape)

    assert found == {"projectName": "image", "environmentVariablesOverride": [{"name": "TAG", "value": "abc"}]}


def test_an_unknown_field_names_where_it_stands() -> None:
    shape = parse("arn:aws:states:::codebuild:startBuild").operation.input_shape

    with pytest.raises(TaskError, match=r"'EnvironmentVariablesOverride\[0\].Valu' is not supported"):
        request({"EnvironmentVariablesOverride": [{"Valu": "abc"}]}, shape)


def test_fields_are_written_in_pascal_case() -> None:
    shape = parse("arn:aws:states:::aws-sdk:sfn:describeExecution").operation.input_shape

    with pytest.raises(TaskError, match="'executionArn' is not supported"):
        request({"executionArn": "arn"}, shape)


def test_a_value_where_the_api_wants_text_becomes_json() -> None:
    shape = parse("arn:aws:states:::states:startExecution").operation.input_shape

    assert request({"Input": {"a": [1]}}, shape) == {"input": '{"a":[1]}'}


def test_results_have_pascal_case_names_and_iso_times_and_keep_the_keys_of_maps() -> None:
    shape = parse("arn:aws:states:::aws-sdk:lambda:getFunctionConfiguration").operation.output_shape
    answer = {
        "FunctionName": "f",
        "Environment": {"Variables": {"lower": "kept"}},
        "ResponseMetadata": {"RequestId": "r"},
    }

    assert result(answer, shape) == {"FunctionName": "f", "Environment": {"Variables": {"lower": "kept"}}}
    assert result(datetime.datetime(2026, 11, 24, 10, 15, 30, tzinfo=datetime.UTC)) == "2026-11-24T10:15:30.000Z"


def test_a_cause_is_cut_where_aws_cuts_it() -> None:
    assert len(TaskError("States.TaskFailed", "x" * 100_000).cause) == LARGEST_CAUSE == 32_768
