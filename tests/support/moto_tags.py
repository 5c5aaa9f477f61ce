"""The tag that CloudFormation sets on a bucket and no caller can, in moto."""

from __future__ import annotations

from moto.backends import get_backend


def made_by(stack_id: str, bucket: str, account_id: str) -> None:
    """Make a bucket look like a stack's."""
    get_backend("s3")[account_id]["aws"].put_bucket_tagging(bucket, {"aws:cloudformation:stack-id": stack_id})
