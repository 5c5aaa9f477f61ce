"""The environment of the control plane's functions; nothing else reads it."""

from __future__ import annotations

import os
from dataclasses import dataclass


class SettingsError(Exception):
    """A variable that the template should have set is missing."""


def _required(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise SettingsError(f"environment variable {name} is not set; template.yaml sets it for every function")
    return value


@dataclass(frozen=True)
class Settings:
    """What every function knows about the control plane it belongs to."""

    region: str
    account_id: str
    partition: str
    url_suffix: str
    """The partition's DNS suffix, `amazonaws.com` in the commercial one."""
    name_prefix: str
    """Prefix of every name in the account, so that two control planes can live in one account."""
    iam_path: str
    permissions_boundary: str
    """ARN of the policy that bounds every role of a cluster."""
    bucket: str
    """The Region's bucket: configurations, templates, node packages, schemas; versioned."""
    ledger_table: str
    cluster_stack_role: str
    """ARN of the role CloudFormation assumes for cluster stacks."""
    clean_up_role: str
    """ARN of the role that empties buckets and repositories, narrowed by a session policy for each."""
    base_image_registry: str
    """Where base images come from that no configuration names, `public.ecr.aws`."""

    @classmethod
    def from_environment(cls) -> Settings:
        """Read the environment.

        Raises:
            SettingsError: a variable is missing.
        """
        return cls(
            region=_required("AWS_REGION"),
            account_id=_required("ACCOUNT_ID"),
            partition=_required("PARTITION"),
            url_suffix=_required("URL_SUFFIX"),
            name_prefix=_required("NAME_PREFIX"),
            iam_path=_required("IAM_PATH"),
            permissions_boundary=_required("PERMISSIONS_BOUNDARY_ARN"),
            bucket=_required("BUCKET_NAME"),
            ledger_table=_required("LEDGER_TABLE_NAME"),
            cluster_stack_role=_required("CLUSTER_STACK_ROLE_ARN"),
            clean_up_role=_required("CLEAN_UP_ROLE_ARN"),
            base_image_registry=_required("BASE_IMAGE_REGISTRY"),
        )

    def function_arn(self, name: str) -> str:
        """The ARN of one of the control plane's functions with a fixed name, `empty-bucket` for example."""
        return f"arn:{self.partition}:lambda:{self.region}:{self.account_id}:function:{self.name_prefix}-{name}"

    def state_machine_arn(self, name: str) -> str:
        """The ARN of one of the control plane's state machines, `clean-up` for example."""
        return f"arn:{self.partition}:states:{self.region}:{self.account_id}:stateMachine:{self.name_prefix}-{name}"

    def repository_uri(self, name: str) -> str:
        """What docker calls one of the account's ECR repositories."""
        return f"{self.account_id}.dkr.ecr.{self.region}.{self.url_suffix}/{name}"
