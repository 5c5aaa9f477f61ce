"""The commands that need no account: validate, template and schema."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer
from pydantic import ValidationError

from shoal.cluster.blueprint import blueprint
from shoal.cluster.configuration import Cluster, load
from shoal.cluster.names import CLUSTER_NAME
from shoal.cluster.problems import ConfigurationError, Problem
from shoal.cluster.schema import json_schema
from shoal.cluster.site import InstanceType, Site, Subnet
from shoal.cluster.surroundings import named
from shoal.image.job_image import BASE_IMAGES
from shoal_cli.answers import Format, Output
from shoal_cli.exits import CommandError, Exit
from shoal_cli.files import read_file

ACCOUNT_ID = "111111111111"
REGION = "us-east-1"
_COMPLETE_SITE = "--show-site prints one that is complete"


def validate(
    file: Annotated[str, typer.Argument(help="A cluster configuration, YAML or JSON.")],
    output: Output = Format.TEXT,
) -> None:
    """Check a cluster configuration; what only AWS can tell is checked by `plan`."""
    try:
        load(read_file(file))
        problems: tuple[Problem, ...] = ()
    except ConfigurationError as error:
        problems = error.problems
    if output is Format.JSON:
        typer.echo(json.dumps({"valid": not problems, "problems": [asdict(problem) for problem in problems]}, indent=2))
    else:
        typer.echo(shown_problems(file, problems) if problems else f"{file} is valid")
    raise typer.Exit(Exit.BAD_INPUT if problems else Exit.DONE)


def template(
    file: Annotated[str, typer.Argument(help="A cluster configuration, YAML or JSON.")],
    name: Annotated[str, typer.Option(help="The cluster's name.")] = "genomics",
    site: Annotated[str | None, typer.Option(help="A JSON file with the facts of an account; see --show-site.")] = None,
    show_site: Annotated[bool, typer.Option("--show-site", help="Print the facts that are assumed.")] = False,
) -> None:
    """Print the CloudFormation template that a configuration means."""
    if not CLUSTER_NAME.fullmatch(name):
        raise CommandError(
            f"--name {name} must be 1 to 31 characters of a-z, 0-9 and -, the first a letter", Exit.BAD_INPUT
        )
    try:
        cluster = load(read_file(file))
        facts = _site_of(site, cluster) if site else assumed_site(cluster, name)
        rendered = blueprint(cluster, facts).template
    except ConfigurationError as error:
        raise CommandError(shown_problems(file, error.problems), Exit.BAD_INPUT) from error
    typer.echo(facts.model_dump_json(indent=2) if show_site else json.dumps(rendered, indent=2))


def schema() -> None:
    """Print the JSON Schema of cluster configurations, for an editor."""
    typer.echo(json.dumps(json_schema(), indent=2))


def shown_problems(file: str, problems: Sequence[Problem]) -> str:
    """Every problem of a file, a line each."""
    lines = [f"{file}: {len(problems)} problem{'' if len(problems) == 1 else 's'}"]
    lines += [f"  {problem.message}; {problem.suggestion}" for problem in problems]
    return "\n".join(lines)


def _site_of(file: str, cluster: Cluster) -> Site:
    try:
        site = Site.model_validate_json(read_file(file))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(map(str, first["loc"]))
        raise CommandError(f"{file}: {field}: {first['msg']}; {_COMPLETE_SITE}", Exit.BAD_INPUT) from error
    mentioned = named(cluster)
    unknown = {*mentioned.subnets, *mentioned.instance_types} - {*site.subnets, *site.instance_types}
    if unknown:
        raise CommandError(f"{file} does not know {', '.join(sorted(unknown))}; {_COMPLETE_SITE}", Exit.BAD_INPUT)
    return site


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
        base_image=BASE_IMAGES[cluster.image.os],
        subnets={
            subnet: Subnet(vpc_id="vpc-00000000000000000", vpc_cidr="10.0.0.0/16", availability_zone=f"{region}a")
            for subnet in mentioned.subnets
        },
        instance_types={kind: _assumed_type(kind) for kind in mentioned.instance_types},
    )


def _assumed_type(name: str) -> InstanceType:
    family = name.split(".")[0].rstrip("0123456789").lstrip("abcdefghijklmnopqrstuvwxyz")
    arm = "g" in family.lstrip("0123456789")
    return InstanceType(vcpus=2, cores=1, memory_mib=4096, architecture="arm64" if arm else "x86_64")
