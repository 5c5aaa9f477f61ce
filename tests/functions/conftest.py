"""The environment of a deployed function, and AWS as moto has it."""

from __future__ import annotations

from collections.abc import Iterator

import boto3
import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext
from moto import mock_aws

from shoal.aws import session

ACCOUNT_ID = "123456789012"
"""Moto's account."""
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
ENVIRONMENT = {
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "ACCOUNT_ID": ACCOUNT_ID,
    "PARTITION": "aws",
    "URL_SUFFIX": "amazonaws.com",
    "NAME_PREFIX": "shoal",
    "IAM_PATH": "/shoal/",
    "PERMISSIONS_BOUNDARY_ARN": f"arn:aws:iam::{ACCOUNT_ID}:policy/shoal/shoal-cluster-boundary",
    "BUCKET_NAME": "shoal-control",
    "LEDGER_TABLE_NAME": "shoal-ledger",
    "CLUSTER_STACK_ROLE_ARN": f"arn:aws:iam::{ACCOUNT_ID}:role/shoal/shoal-cluster-stack",
    "CLEAN_UP_ROLE_ARN": f"arn:aws:iam::{ACCOUNT_ID}:role/shoal/shoal-clean-up",
    "BASE_IMAGE_REGISTRY": "public.ecr.aws",
}


@pytest.fixture
def context() -> LambdaContext:
    """What Lambda hands to a handler, as far as Powertools reads it."""
    given = LambdaContext()
    given._function_name = "shoal-test"
    given._memory_limit_in_mb = 512
    given._invoked_function_arn = f"arn:aws:lambda:us-east-1:{ACCOUNT_ID}:function:shoal-test"
    given._aws_request_id = "11111111-2222-3333-4444-555555555555"
    return given


@pytest.fixture(autouse=True)
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The environment that the template gives a function, on an AWS with nothing in it but bucket and ledger."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    session.client.cache_clear()
    with mock_aws():
        boto3.client("s3").create_bucket(Bucket=ENVIRONMENT["BUCKET_NAME"])
        boto3.client("s3").put_bucket_versioning(
            Bucket=ENVIRONMENT["BUCKET_NAME"], VersioningConfiguration={"Status": "Enabled"}
        )
        boto3.client("dynamodb").create_table(
            TableName=ENVIRONMENT["LEDGER_TABLE_NAME"],
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        )
        _give_the_default_network_its_way_out()
        yield
    session.client.cache_clear()


def _give_the_default_network_its_way_out() -> None:
    """AWS's default VPC has an internet gateway and a route to it, moto's has neither."""
    ec2 = boto3.client("ec2")
    table = ec2.describe_route_tables()["RouteTables"][0]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=table["VpcId"])
    ec2.create_route(RouteTableId=table["RouteTableId"], DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
