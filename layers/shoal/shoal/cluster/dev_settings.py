"""Settings for developers: of ParallelCluster's, all but one time-out have nothing here to act on."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from shoal.cluster.grammar import Change, Integer, Only, Refused, Section

_DEVELOPERS = Refused("it serves the development of ParallelCluster", "remove the key")


class Timeouts(Section):
    """How long nodes may take to start."""

    head_node_bootstrap_timeout: Annotated[Integer, Change.LIVE, Field(ge=1)] = 2100
    """Seconds after which a head node that did not signal counts as failed."""
    compute_node_bootstrap_timeout: Annotated[
        Integer,
        Change.LIVE,
        Field(ge=1),
        Only("slurm", "Batch starts the compute instances and waits for them itself", "remove the key"),
    ] = 2100
    """Seconds after which an instance that did not become a node is ended."""
    compute_instance_info_timeout: Annotated[None, _DEVELOPERS] = None
    """A time-out of ParallelCluster's node daemons."""


class DevSettings(Section):
    """Settings for developers."""

    timeouts: Timeouts = Timeouts()
    """How long nodes may take to start."""
    cookbook: Annotated[None, Refused("nodes are not set up by Chef", "make an AMI, as HeadNode.Image.CustomAmi")] = (
        None
    )
    """Chef cookbook and attributes."""
    node_package: Annotated[None, Refused("Shoal brings its own node package", "remove the key")] = None
    """Package of ParallelCluster's node daemons."""
    aws_batch_cli_package: Annotated[
        None, Refused("the head node installs the published Batch client", "install another in a virtual environment")
    ] = None
    """Package of the Batch client."""
    cluster_template: Annotated[None, _DEVELOPERS] = None
    """Another template of the cluster's stack."""
    ami_search_filters: Annotated[
        None, Refused("the AMI is the system's newest official one", "name yours as Image.CustomAmi")
    ] = None
    """How ParallelCluster searches its own AMIs."""
    instance_types_data: Annotated[None, _DEVELOPERS] = None
    """Facts about instance types, instead of EC2's."""
    compute_startup_time_metric_enabled: Annotated[None, _DEVELOPERS] = None
    """A metric of ParallelCluster's node daemons."""
    efa_interface_type: Annotated[None, _DEVELOPERS] = None
    """Kind of EFA network interface of Slurm compute nodes."""
