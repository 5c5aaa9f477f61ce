"""The facts that a template needs of an account: from a file, and assumed where it does not tell."""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from shoal.cluster.configuration import Cluster, load
from shoal.cluster.materials import default_base_image, named_materials
from shoal.cluster.site import InstanceType, LaunchImage, Site, Subnet
from shoal.cluster.surroundings import named, queue_ami
from shoal.image.content import ResolvedContext
from shoal_cli.context_folders import Folder
from shoal_cli.exits import CommandError, Exit
from shoal_cli.files import read_file
from shoal_cli.uploading import with_uris

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

ACCOUNT_ID = "111111111111"
REGION = "us-east-1"
_COMPLETE_SITE = "--show-site prints one that is complete"


def sited(text: str, name: str, folders: Mapping[str, Folder], file: str | None) -> tuple[Cluster, Site]:
    """A configuration as the control plane gets it, and the facts that it is rendered with.

    Args:
        text: the configuration.
        name: the cluster's, unless the file tells it.
        folders: the directories that it names as build contexts.
        file: a site as the control plane stores it with a cluster, or some of its facts.

    Raises:
        CommandError: the file cannot be read, is no site, or is that of another configuration (exit code 2).
    """
    cluster = load(text)
    given = _facts(file) if file else {}
    site = _site(file, assumed_site(cluster, name).model_dump() | given)
    uris = {folder: packed.uri(site.bucket) for folder, packed in folders.items()}
    known = {*site.subnets, *site.instance_types, *site.contexts, *folders}
    if unknown := {*named(cluster).subnets, *named(cluster).instance_types, *_contexts(cluster)} - known:
        raise CommandError(f"{file} does not know {', '.join(sorted(unknown))}; {_COMPLETE_SITE}", Exit.BAD_INPUT)
    contexts = {packed.uri(site.bucket): packed.resolved(site.bucket) for packed in folders.values()}
    return load(with_uris(text, uris)), site.model_copy(update={"contexts": site.contexts | contexts})


def _facts(file: str) -> dict[str, Any]:
    try:
        facts = json.loads(read_file(file))
    except ValueError as error:
        raise CommandError(f"{file} is not JSON: {error}", Exit.BAD_INPUT) from error
    if not isinstance(facts, dict):
        raise CommandError(f"{file} is no object with facts; {_COMPLETE_SITE}", Exit.BAD_INPUT)
    return facts


def _site(file: str | None, facts: Mapping[str, Any]) -> Site:
    try:
        return Site.model_validate(facts)
    except ValidationError as error:
        faults = [_told(detail) for detail in error.errors(include_url=False, include_input=False)]
        raise CommandError(f"{file}: {'; '.join(faults)}; {_COMPLETE_SITE}", Exit.BAD_INPUT) from error


def _told(detail: ErrorDetails) -> str:
    place = ".".join(map(str, detail["loc"]))
    if detail["type"] in {"extra_forbidden", "unexpected_keyword_argument"}:
        near = difflib.get_close_matches(place, Site.model_fields, n=1)
        return f"{place} is no fact of a site{f', did you mean {near[0]}?' if near else ''}"
    return f"{place} is missing" if detail["type"] == "missing" else f"{place}: {detail['msg']}"


def assumed_site(cluster: Cluster, name: str) -> Site:
    """What a template needs to know of an account, made up where only AWS knows it.

    Subnets are taken to lie in one zone of one network, and instance types to be what their names say: a family
    with a `g` after its generation is arm64 (https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html).
    """
    region = cluster.region or REGION
    mentioned = named(cluster)
    function = f"arn:aws:lambda:{region}:{ACCOUNT_ID}:function:shoal"
    return Site(
        cluster_name=name,
        region=region,
        account_id=ACCOUNT_ID,
        partition="aws",
        url_suffix=".".join(("amazonaws", "com")),
        name_prefix="shoal",
        iam_path="/shoal/",
        permissions_boundary=f"arn:aws:iam::{ACCOUNT_ID}:policy/shoal/shoal-cluster-boundary",
        bucket=f"shoal-control-{ACCOUNT_ID}-{region}",
        empty_bucket_function=f"{function}-serve-custom-resource",
        empty_repository_function=f"{function}-serve-custom-resource",
        generation="20260101T000000",
        head_node_ami=cluster.head_node.image.custom_ami or cluster.image.custom_ami or "ami-00000000000000000",
        node_package="node-packages/shoal_node.zip?versionId=null",
        base_image=default_base_image(cluster),
        subnets={
            subnet: Subnet(vpc_id="vpc-00000000000000000", vpc_cidr="10.0.0.0/16", availability_zone=f"{region}a")
            for subnet in mentioned.subnets
        },
        instance_types={kind: _assumed_type(kind) for kind in mentioned.instance_types},
        queue_images={
            queue.name: LaunchImage(ami=queue_ami(cluster, queue) or "ami-00000000000000000")
            for queue in cluster.scheduling.slurm_queues
        },
        contexts={uri: _assumed_context(uri) for uri in _contexts(cluster) if "://" in uri},
    )


def _assumed_type(name: str) -> InstanceType:
    family = name.split(".")[0].rstrip("0123456789").lstrip("abcdefghijklmnopqrstuvwxyz")
    arm = "g" in family.lstrip("0123456789")
    return InstanceType(vcpus=2, cores=1, memory_mib=4096, architecture="arm64" if arm else "x86_64")


def _contexts(cluster: Cluster) -> list[str]:
    return [name for name, _ in named_materials(cluster, "").contexts]


def _assumed_context(uri: str) -> ResolvedContext:
    """Only who reads it knows what a context holds; contexts of two addresses are taken to differ."""
    digest = hashlib.sha256(uri.encode()).hexdigest()
    return ResolvedContext(bucket="", key=f"contexts/{digest}.zip", version_id="null", digest=digest)
