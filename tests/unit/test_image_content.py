import io
import re
import zipfile
from collections.abc import Iterable
from itertools import product
from random import Random
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from shoal.image.arguments import BASE_IMAGE_ARG, is_reserved
from shoal.image.content import ContextFile, ResolvedContext, companion_files, content_tag, context_zip, read_context
from shoal.image.job_image import BASE_IMAGES, PLATFORMS, JobImage, Recipe, base_image

FILE = ContextFile("Dockerfile", 0o644, b"FROM scratch\n")
FILES = st.lists(
    st.builds(
        ContextFile,
        path=st.text("abcdefgh/", min_size=1, max_size=12).map(lambda path: path.strip("/") or "a"),
        mode=st.sampled_from([0o644, 0o755]),
        data=st.binary(max_size=200),
    ),
    unique_by=lambda file: file.path,
    max_size=6,
)


def tag(files: Iterable[ContextFile] = (FILE,), **content: Any) -> str:
    plain = {"base_image": "debian@sha256:1", "build_args": {}, "platform": "linux/amd64"}
    return content_tag(files, **(plain | content))


def test_the_context_that_ships_has_what_a_build_needs_from_every_folder() -> None:
    paths = [file.path for file in read_context()]
    assert {"Dockerfile", "buildspec.yml", "install-packages", "shoal-job", "shoal_job/main.py"} < set(paths)
    assert paths == sorted(paths)
    assert not [path for path in paths if "__pycache__" in path]


def test_scripts_of_the_context_are_executable_and_the_rest_is_not() -> None:
    assert {file.path for file in read_context() if file.mode == 0o755} == {"install-packages", "shoal-job"}
    assert {file.mode for file in read_context()} == {0o755, 0o644}


@given(FILES, st.randoms())
def test_the_order_of_files_does_not_matter(files: list[ContextFile], random: Random) -> None:
    shuffled = list(files)
    random.shuffle(shuffled)
    assert tag(files) == tag(shuffled)
    assert context_zip(files) == context_zip(shuffled)


@given(FILES)
def test_the_archive_holds_the_files_with_their_modes(files: list[ContextFile]) -> None:
    with zipfile.ZipFile(io.BytesIO(context_zip(files))) as archive:
        found = {
            ContextFile(entry.filename, entry.external_attr >> 16 & 0o777, archive.read(entry))
            for entry in archive.infolist()
        }
    assert found == set(files)


def test_the_tag_is_a_valid_image_tag_of_32_characters() -> None:
    assert len(tag()) == 32
    assert set(tag()) <= set("0123456789abcdef")


def test_everything_that_the_image_depends_on_changes_the_tag() -> None:
    tags = [
        tag(),
        tag([ContextFile("Dockerfile", 0o644, b"FROM debian\n")]),
        tag([ContextFile("Dockerfile", 0o755, b"FROM scratch\n")]),
        tag([ContextFile("Dockerfile2", 0o644, b"FROM scratch\n")]),
        tag(base_image="debian@sha256:2"),
        tag(build_args={"A": "1"}),
        tag(build_args={"A": "2"}),
        tag(platform="linux/arm64"),
        tag(dockerfile="other"),
        tag(target="other"),
        tag(context_digest="1"),
        tag(salt="op-1"),
    ]
    assert len(set(tags)) == len(tags)


def test_every_base_image_and_architecture_has_a_tag_of_its_own() -> None:
    pairs = product(map(base_image, BASE_IMAGES), PLATFORMS)
    tags = {Recipe(base_image=base, architecture=architecture).tag for base, architecture in pairs}
    assert len(tags) == len(BASE_IMAGES) * len(PLATFORMS)


def test_a_users_context_is_told_by_its_digest_wherever_its_snapshot_lies() -> None:
    def made(bucket: str, digest: str) -> str:
        context = ResolvedContext(bucket, "contexts/1.zip", "1", digest)
        return Recipe(base_image="debian", architecture="x86_64", context=context).tag

    assert made("a", "1") == made("b", "1")
    assert made("a", "1") != made("a", "2")
    assert made("a", "1") != Recipe(base_image="debian", architecture="x86_64").tag


def test_what_stands_beside_a_users_context_is_all_but_the_dockerfile() -> None:
    paths = {f".shoal/{file.path}" for file in read_context()} - {".shoal/Dockerfile"}
    assert {file.path for file in companion_files()} == paths


def test_no_argument_may_have_a_name_that_the_buildspec_uses() -> None:
    buildspec = next(file.data.decode() for file in read_context() if file.path == "buildspec.yml")
    used = set(re.findall(r"\$\{?([A-Z][A-Z_]+)|\b([A-Z][A-Z_]+)=", buildspec))
    names = {name for pair in used for name in pair if name}
    assert "IMAGE_TAG" in names
    assert [name for name in sorted(names) if not is_reserved(name)] == []


def test_the_uri_of_an_image_names_its_tag() -> None:
    image = JobImage(tag="1f", recipe=Recipe(base_image="debian", architecture="x86_64"), queues=("main",))
    assert image.uri("registry/shoal/genomics") == "registry/shoal/genomics:1f"


def test_the_dockerfile_takes_the_base_image_as_its_argument() -> None:
    dockerfile = next(file.data.decode() for file in read_context() if file.path == "Dockerfile")
    assert f"ARG {BASE_IMAGE_ARG}=" in dockerfile
    assert f"FROM ${{{BASE_IMAGE_ARG}}}\n" in dockerfile


def test_no_key_is_left_in_the_image() -> None:
    script = next(file.data.decode() for file in read_context() if file.path == "install-packages")
    assert "rm -f /etc/ssh/ssh_host_*" in script


def test_a_push_that_lost_the_race_for_a_tag_succeeds_when_the_image_is_there() -> None:
    buildspec = yaml.safe_load(next(file.data for file in read_context() if file.path == "buildspec.yml"))
    push = next(line for line in buildspec["phases"]["post_build"]["commands"] if line.startswith("docker push"))
    assert " || aws ecr describe-images " in push
