"""What a process on an instance has of AWS: the session of a cluster's role."""

from __future__ import annotations

import json
import os
from typing import Any

import boto3

from embedded_aws import process
from embedded_aws.process import ACCOUNT_ID
from tests.support.front_door import FrontDoor


def session(shoal: FrontDoor, role: str) -> dict[str, str]:
    """What the instance metadata service would hand out; its trust is for a service, so the test lets itself in."""
    iam = shoal.client("iam")
    found = iam.get_role(RoleName=role)["Role"]
    statement = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT_ID}:root"}, "Action": "sts:AssumeRole"}
    mine = {"Version": "2012-10-17", "Statement": [statement]}
    iam.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(mine))
    got = shoal.client("sts").assume_role(RoleArn=found["Arn"], RoleSessionName="user")["Credentials"]
    iam.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(found["AssumeRolePolicyDocument"]))
    return {
        **process.without_aws(dict(os.environ)),
        **shoal.server.environment(),
        "AWS_ACCESS_KEY_ID": got["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": got["SecretAccessKey"],
        "AWS_SESSION_TOKEN": got["SessionToken"],
    }


def client(service: str, environment: dict[str, str]) -> Any:
    """A client of a service with a role's session."""
    return boto3.session.Session().client(  # type: ignore[call-overload]  # the service's name is not a literal
        service,
        region_name=environment["AWS_REGION"],
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=environment["AWS_SESSION_TOKEN"],
    )
