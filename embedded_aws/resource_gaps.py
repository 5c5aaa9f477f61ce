"""The gaps of the resource side, in the order in which they are put in place; `server` has the rest."""

from __future__ import annotations

from embedded_aws import collector, service_quotas, tagging_api
from embedded_aws.access import batches, event_policies, service_linked_roles
from embedded_aws.autoscaling import describing as scaling_describing
from embedded_aws.autoscaling import faults as scaling_faults
from embedded_aws.autoscaling import groups as scaling_groups
from embedded_aws.autoscaling import instances as scaling_instances
from embedded_aws.autoscaling import metrics as scaling_metrics
from embedded_aws.autoscaling import notices as scaling_notices
from embedded_aws.autoscaling import scaling
from embedded_aws.batch import credentials as batch_credentials
from embedded_aws.batch import definitions as batch_definitions
from embedded_aws.batch import environments as batch_environments
from embedded_aws.batch import hosts as batch_hosts
from embedded_aws.batch import jobs as batch_jobs
from embedded_aws.batch import queues as batch_queues
from embedded_aws.cloudformation import batch as cfn_batch
from embedded_aws.cloudformation import buckets as cfn_buckets
from embedded_aws.cloudformation import builds as cfn_builds
from embedded_aws.cloudformation import change_sets as cfn_change_sets
from embedded_aws.cloudformation import custom as cfn_custom
from embedded_aws.cloudformation import events as cfn_events
from embedded_aws.cloudformation import failures as cfn_failures
from embedded_aws.cloudformation import files as cfn_files
from embedded_aws.cloudformation import head_node_signal, template_urls
from embedded_aws.cloudformation import iam as cfn_iam
from embedded_aws.cloudformation import instance as cfn_instance
from embedded_aws.cloudformation import launch as cfn_launch
from embedded_aws.cloudformation import monitoring as cfn_monitoring
from embedded_aws.cloudformation import network as cfn_network
from embedded_aws.cloudformation import operations as cfn_operations
from embedded_aws.cloudformation import queues as cfn_queues
from embedded_aws.cloudformation import records as cfn_records
from embedded_aws.cloudformation import replacement as cfn_replacement
from embedded_aws.cloudformation import repositories as cfn_repositories
from embedded_aws.cloudformation import scaling_groups as cfn_scaling_groups
from embedded_aws.cloudformation import tables as cfn_tables
from embedded_aws.cloudformation import topics as cfn_topics
from embedded_aws.cloudformation import updates as cfn_updates
from embedded_aws.cloudformation import volumes as cfn_volumes
from embedded_aws.cloudformation import vpc as cfn_vpc
from embedded_aws.ec2 import images as ec2_images
from embedded_aws.ec2 import launch as ec2_launch
from embedded_aws.ec2 import life as ec2_life
from embedded_aws.ec2 import network as ec2_network
from embedded_aws.ec2 import routing as ec2_routing
from embedded_aws.ec2 import tags as ec2_tags
from embedded_aws.ec2 import types as ec2_types
from embedded_aws.ec2 import volumes as ec2_volumes
from embedded_aws.instances import life as instances_life
from embedded_aws.stand_in_nodes import compute as stand_in_compute
from embedded_aws.stand_in_nodes import head as stand_in_head

GAPS = (
    cfn_replacement,  # the types below add to its tables
    cfn_operations,
    cfn_failures,
    cfn_custom,
    cfn_records,
    cfn_updates,
    cfn_change_sets,
    batch_environments,
    batch_queues,
    batch_definitions,
    batch_jobs,
    batch_credentials,
    batch_hosts,
    ec2_types,
    ec2_images,
    ec2_volumes,
    ec2_network,
    ec2_routing,
    ec2_launch,
    ec2_life,
    ec2_tags,
    instances_life,
    scaling,
    scaling_groups,
    scaling_instances,
    scaling_describing,
    scaling_notices,
    scaling_metrics,
    scaling_faults,
    cfn_batch,
    cfn_instance,
    cfn_volumes,
    cfn_network,
    cfn_vpc,
    cfn_launch,
    cfn_scaling_groups,
    cfn_files,
    cfn_monitoring,
    cfn_tables,
    cfn_topics,
    cfn_queues,
    cfn_builds,
    cfn_iam,
    cfn_buckets,
    cfn_repositories,
    cfn_events,
    batches,
    event_policies,
    head_node_signal,
    stand_in_head,
    stand_in_compute,
    tagging_api,
    service_linked_roles,
    service_quotas,
    template_urls,
    collector,
)
