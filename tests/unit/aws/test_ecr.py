"""Is a repository with ECR's rules emptied, through the calls and answers of boto3?"""

from __future__ import annotations

from functools import partial

from shoal.aws import ecr
from shoal.cleanup.drain import Phase, Slice, empty
from shoal.cleanup.images import phases
from shoal.cleanup.pace import Pace
from tests.support.ecr import INDEX, MANIFEST, Client, Repository

STACK = "arn:aws:cloudformation:us-east-1:123456789012:stack/shoal-cluster-genomics/1"


def emptied(client: Client) -> Slice:
    def begin() -> list[Phase]:
        delete = partial(ecr.delete_images, client, client.name)
        return [Phase(chunk, delete) for chunk in phases(ecr.images(client, client.name))]

    return empty(begin, lambda: 1.0, workers=4, pace=Pace())


def test_multi_architecture_images_go_with_their_members() -> None:
    repository = Repository()
    for number in range(150):
        members = [f"sha256:{number}-{platform}" for platform in ("amd64", "arm64", "attestation")]
        for member in members:
            repository.push(member, MANIFEST)
        repository.push(f"sha256:{number}", INDEX, members)
    found = emptied(Client("shoal/genomics", STACK, repository))
    assert repository.stored == {}
    assert found.deleted == 600


def test_what_ecr_refuses_is_named_with_its_code() -> None:
    repository = Repository()
    repository.push("sha256:held", MANIFEST)
    repository.refuse = {"sha256:held": "KmsError"}
    found = emptied(Client("shoal/genomics", STACK, repository))
    assert [str(sample) for sample in found.samples] == ["sha256:held: KmsError"]


def test_an_image_that_went_meanwhile_counts_as_deleted() -> None:
    client = Client("shoal/genomics", STACK, Repository())
    assert ecr.delete_images(client, "shoal/genomics", ["sha256:gone"]).deleted == 1


def test_the_owner_of_a_repository_is_the_stack_that_made_it() -> None:
    client = Client("shoal/genomics", STACK, Repository())
    assert ecr.stack_of_repository(client, "shoal/genomics") == STACK


def test_an_absent_repository_has_no_owner() -> None:
    client = Client("shoal/genomics", STACK, Repository())
    assert ecr.stack_of_repository(client, "shoal/other") is None
