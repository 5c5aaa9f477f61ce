"""The node table of a Slurm cluster: what its daemons know of the instances, kept outside of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from shoal.cluster.site import Site, names
from shoal.cluster.template import Resource, Value, arn, tag_list

if TYPE_CHECKING:
    from shoal.cluster.configuration import Cluster

NODE_TABLE = "NodeTable"
KEY = "pk"
MUNGE_KEY = "secret#munge"
"""The key of the item with the munge key, the one that compute nodes read."""
EXPIRES = "expiresAt"


def table_arn(site: Site) -> Value:
    """The ARN of the table."""
    return arn(site, "dynamodb", f"table/{names(site).nodes}")


def resources(cluster: Cluster, site: Site) -> Iterator[tuple[str, Resource]]:
    """The table. It is made anew from Auto Scaling and Slurm should it get lost, so it goes with the cluster."""
    yield (
        NODE_TABLE,
        {
            "Type": "AWS::DynamoDB::Table",
            "DeletionPolicy": "Delete",
            "UpdateReplacePolicy": "Delete",
            "Properties": {
                "TableName": names(site).nodes,
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [{"AttributeName": KEY, "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": KEY, "KeyType": "HASH"}],
                "TimeToLiveSpecification": {"AttributeName": EXPIRES, "Enabled": True},
                "Tags": tag_list(cluster, site),
            },
        },
    )
