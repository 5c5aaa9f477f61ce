"""Does a policy that asks for TLS let a call over the loopback pass?"""

from __future__ import annotations

import json

from tests.support.embedded import Account


def test_a_bucket_that_refuses_plain_http_takes_an_object_over_the_loopback(account: Account) -> None:
    bucket = f"b-{account.id}"
    account.client("s3").create_bucket(Bucket=bucket)
    tls_only = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": f"arn:aws:s3:::{bucket}/*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [tls_only]})
    account.client("s3").put_bucket_policy(Bucket=bucket, Policy=policy)
    writer = account.role("writer", {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"})

    answer = account.assume(writer, "s3").put_object(Bucket=bucket, Key="k", Body=b"")

    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
