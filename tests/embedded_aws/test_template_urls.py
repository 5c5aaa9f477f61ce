"""Does a template's URL name one version of one object, which the caller must be allowed to read?"""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.embedded import Account
from tests.support.stacks import Stack, resource, template

HANDLE = "AWS::CloudFormation::WaitConditionHandle"


@pytest.fixture
def stored(account: Account) -> dict[str, str]:
    """Two versions of a template: the first has the resource `Old`, the second `New`."""
    s3, bucket = account.client("s3"), f"templates-{account.id}"
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    versions = [
        s3.put_object(Bucket=bucket, Key="a b/t.json", Body=template({name: resource(HANDLE)}).encode())["VersionId"]
        for name in ("Old", "New")
    ]
    return {"bucket": bucket, "old": versions[0], "new": versions[1]}


def created(account: Account, url: str) -> set[str]:
    """The resources of a stack created from a URL."""
    stack = Stack(account)
    stack.id = account.client("cloudformation").create_stack(StackName="demo", TemplateURL=url)["StackId"]
    return set(stack.ends("CREATE_COMPLETE").resources())


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://s3.us-east-1.amazonaws.com/{bucket}/a%20b/t.json", "New"),
        ("https://{bucket}.s3.us-east-1.amazonaws.com/a%20b/t.json", "New"),
        ("https://s3.us-east-1.amazonaws.com/{bucket}/a%20b/t.json?versionId={old}", "Old"),
        ("https://{bucket}.s3.us-east-1.amazonaws.com/a%20b/t.json?versionId={old}", "Old"),
    ],
)
def test_a_url_names_a_template(account: Account, stored: dict[str, str], address: str, expected: str) -> None:
    assert created(account, address.format(**stored)) == {expected}


def test_a_template_that_is_not_there_is_said_to_be_missing(account: Account, stored: dict[str, str]) -> None:
    url = f"https://s3.us-east-1.amazonaws.com/{stored['bucket']}/absent.json"
    with pytest.raises(ClientError, match="does not exist"):
        created(account, url)


@pytest.mark.parametrize(
    ("action", "query"), [("s3:GetObject", ""), ("s3:GetObjectVersion", "?versionId={old}")]
)  # fmt: skip
def test_the_caller_must_be_allowed_to_read_the_template(
    account: Account, stored: dict[str, str], action: str, query: str
) -> None:
    url = f"https://s3.us-east-1.amazonaws.com/{stored['bucket']}/a%20b/t.json{query.format(**stored)}"
    rights: dict[str, Any] = {"Effect": "Allow", "Action": "cloudformation:*", "Resource": "*"}
    without = account.assume(account.role("without", rights), "cloudformation")
    with pytest.raises(ClientError, match=action):
        without.create_stack(StackName="demo", TemplateURL=url)
    reading = {"Effect": "Allow", "Action": action, "Resource": f"arn:aws:s3:::{stored['bucket']}/*"}
    account.assume(account.role("with", rights, reading), "cloudformation").create_stack(
        StackName="demo", TemplateURL=url
    )
    Stack(account).ends("CREATE_COMPLETE")
