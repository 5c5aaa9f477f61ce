"""The gaps of the resource side, in the order in which they are put in place; `server` has the rest."""

from __future__ import annotations

from embedded_aws import (
    batch_environments,
    batch_jobs,
    batch_queues,
    cfn_batch,
    cfn_buckets,
    cfn_events,
    cfn_failures,
    cfn_iam,
    cfn_instance,
    cfn_network,
    cfn_operations,
    cfn_records,
    cfn_replacement,
    cfn_volumes,
    ec2_images,
    ec2_launch,
    ec2_life,
    ec2_network,
    ec2_types,
    ec2_volumes,
    event_policies,
    head_node_signal,
)

GAPS = (
    cfn_replacement,  # the types below add to its tables
    cfn_operations,
    cfn_failures,
    cfn_records,
    batch_environments,
    batch_queues,
    batch_jobs,
    ec2_types,
    ec2_images,
    ec2_volumes,
    ec2_network,
    ec2_launch,
    ec2_life,
    cfn_batch,
    cfn_instance,
    cfn_volumes,
    cfn_network,
    cfn_iam,
    cfn_buckets,
    cfn_events,
    event_policies,
    head_node_signal,
)
