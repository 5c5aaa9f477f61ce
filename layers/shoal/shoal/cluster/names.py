"""Every name that a cluster's resources have, from the cluster's own name.

One rule for cluster names, checked first, so that no derived name can be too long: 31 characters of
`[a-z0-9-]` leave room for the prefix and a hash in a bucket name (63,
https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html) and in a role name (64,
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

CLUSTER_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
NAME_PREFIX = re.compile(r"[a-z][a-z0-9-]{0,11}")
ROLE_NAME_LENGTH = 64


@dataclass(frozen=True)
class Names:
    """The names of one cluster in one account and Region."""

    cluster: str
    prefix: str
    account_id: str
    region: str
    generation: str
    """When the cluster was created, `20261123T101530`: a name that may outlive the cluster carries it."""

    @property
    def _hash(self) -> str:
        identity = f"{self.account_id}/{self.region}/{self.prefix}/{self.cluster}"
        return hashlib.sha256(identity.encode()).hexdigest()[:8]

    @property
    def stack(self) -> str:
        """The CloudFormation stack."""
        return stack_name(self.prefix, self.cluster)

    @property
    def bucket(self) -> str:
        """The cluster's bucket; unique across accounts by its hash."""
        return f"{self.prefix}-{self.cluster}-{self._hash}"

    @property
    def repository(self) -> str:
        """The ECR repository."""
        return f"{self.prefix}/{self.cluster}"

    @property
    def cache_repository(self) -> str:
        """The ECR repository of the builds' layers; no cluster is called like it, since names have no slash."""
        return f"{self.repository}/cache"

    @property
    def build_project(self) -> str:
        """The CodeBuild project."""
        return f"{self.prefix}-{self.cluster}-build"

    def job_queue(self, queue: str) -> str:
        """A Batch job queue."""
        return f"{job_queue_prefix(self.prefix, self.cluster)}{queue}"

    def job_definition(self, queue: str, *, multinode: bool) -> str:
        """A Batch job definition: for jobs of one container, or for multi-node parallel jobs."""
        return f"{self.prefix}-{self.cluster}_{'multinode' if multinode else 'single'}_{queue}"

    @property
    def nodes(self) -> str:
        """The node table of a Slurm cluster, its topic and its queue of notices."""
        return f"{self.prefix}-{self.cluster}-nodes"

    @property
    def dead_letters(self) -> str:
        """The queue of the notices that nobody could read."""
        return f"{self.nodes}-dead"

    @property
    def groups(self) -> str:
        """What the names of a Slurm cluster's Auto Scaling groups begin with; no other cluster's begin so."""
        return job_queue_prefix(self.prefix, self.cluster)

    def group(self, queue: str, compute_resource: str) -> str:
        """The Auto Scaling group of a compute resource."""
        return f"{self.groups}{queue}-{compute_resource}"

    def role(self, purpose: str) -> str:
        """An IAM role or instance profile; IAM names are global, so the hash tells Regions apart."""
        return f"{self.prefix}-{self.cluster}-{self._hash}-{purpose}"[:ROLE_NAME_LENGTH]

    def log_group(self, purpose: str) -> str:
        """A log group; it may be kept when the cluster goes, so the next cluster of this name has another."""
        return f"/{self.prefix}/{self.cluster}-{self.generation}/{purpose}"


def stack_name(prefix: str, cluster: str) -> str:
    """The name of a cluster's stack, `shoal-cluster-genomics`."""
    return f"{prefix}-cluster-{cluster}"


def job_queue_prefix(prefix: str, cluster: str) -> str:
    """What the names of a cluster's queues begin with; the first underscore ends the cluster's name, which has none."""
    return f"{prefix}-{cluster}_"
