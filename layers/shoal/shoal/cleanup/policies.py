"""Session policies: what one run of clean-up may touch, whatever its role may."""

from __future__ import annotations

from typing import Any

from shoal.cleanup.custom_resource import Target


def emptying(target: Target, *, partition: str, region: str, account_id: str) -> dict[str, Any]:
    """The policy under which one bucket, prefix or repository is emptied."""
    if target.kind == "repository":
        repository = f"arn:{partition}:ecr:{region}:{account_id}:repository/{target.name}"
        actions = ["ecr:BatchDeleteImage", "ecr:DescribeImages", "ecr:DescribeRepositories", "ecr:ListTagsForResource"]
        return _policy({"Action": actions, "Resource": repository})
    bucket = f"arn:{partition}:s3:::{target.name}"
    listing: dict[str, Any] = {"Action": ["s3:ListBucket", "s3:ListBucketVersions"], "Resource": bucket}
    if target.prefix:
        listing["Condition"] = {"StringLike": {"s3:prefix": [f"{target.prefix}*"]}}
    return _policy(
        listing,
        {"Action": ["s3:GetBucketTagging", "s3:ListBucketMultipartUploads"], "Resource": bucket},
        {
            "Action": ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:DeleteObjectVersion"],
            "Resource": f"{bucket}/{target.prefix}*",
        },
        *([{"Action": ["s3:GetObject"], "Resource": f"{bucket}/{target.marker}"}] if target.prefix else []),
    )


def marking(target: Target, *, partition: str) -> dict[str, Any]:
    """The policy under which a prefix in the user's bucket is marked as a stack's own."""
    bucket = f"arn:{partition}:s3:::{target.name}"
    return _policy(
        {"Action": ["s3:GetObject", "s3:PutObject"], "Resource": f"{bucket}/{target.marker}"},
        {
            "Action": ["s3:ListBucket"],
            "Resource": bucket,
            "Condition": {"StringLike": {"s3:prefix": [f"{target.prefix}*"]}},
        },
    )


def _policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement} for statement in statements]}
