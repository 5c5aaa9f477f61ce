"""Settings of a Slurm cluster's nodes, as their user data have them."""

from __future__ import annotations

from shoal_node.contract import SLURM, ComputeSettings, NodePackage, Settings

PACKAGE = NodePackage("bucket", "key", None)
HEAD = Settings(
    cluster_name="c",
    stack_name="shoal-cluster-c",
    logical_id="HeadNode",
    region="eu-west-1",
    url_suffix="amazonaws.com",
    node_package=PACKAGE,
    volumes=(),
    file_systems=(),
    scratch_dir="/scratch",
    log_group=None,
    rotate_logs=False,
    kind=SLURM,
    table="nodes",
)
COMPUTE = ComputeSettings(
    cluster_name="c",
    stack_name="shoal-cluster-c",
    region="eu-west-1",
    url_suffix="amazonaws.com",
    node_package=PACKAGE,
    table="nodes",
    queue_url="queue",
    queue="main",
    compute_resource="small",
    group="shoal-c_main-small",
    head_address="10.0.0.10",
    mounts=("/home", "/opt/shoal"),
    file_systems=(),
    scratch_dir="/scratch",
    log_group=None,
    rotate_logs=False,
)
