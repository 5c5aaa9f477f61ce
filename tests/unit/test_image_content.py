import io
import zipfile
from collections.abc import Iterable, Mapping
from random import Random
from types import MappingProxyType

import yaml
from hypothesis import given
from hypothesis import strategies as st

from shoal.image.content import ContextFile, content_tag, context_zip, read_context
from shoal.image.job_image import BASE_IMAGE_ARG, BASE_IMAGES, PLATFORMS, job_image

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


def tag(
    files: Iterable[ContextFile] = (FILE,),
    base_image: str = "debian@sha256:1",
    build_args: Mapping[str, str] = MappingProxyType({}),
    platform: str = "linux/amd64",
    dockerfile: str = "Dockerfile",
) -> str:
    return content_tag(files, base_image=base_image, build_args=build_args, platform=platform, dockerfile=dockerfile)


def test_the_context_that_ships_has_what_a_build_needs() -> None:
    assert [file.path for file in read_context()] == ["Dockerfile", "buildspec.yml", "install-packages", "shoal-job"]


def test_scripts_of_the_context_are_executable_and_the_rest_is_not() -> None:
    assert {file.path: oct(file.mode) for file in read_context()} == {
        "Dockerfile": "0o644",
        "buildspec.yml": "0o644",
        "install-packages": "0o755",
        "shoal-job": "0o755",
    }


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
    ]
    assert len(set(tags)) == len(tags)


def test_the_job_image_of_another_architecture_has_another_tag() -> None:
    tags = {job_image(base, architecture).tag for base in BASE_IMAGES.values() for architecture in PLATFORMS}
    assert len(tags) == len(BASE_IMAGES) * len(PLATFORMS)


def test_the_uri_of_an_image_names_its_tag() -> None:
    image = job_image("debian@sha256:1", "x86_64")
    assert image.uri("registry/shoal/genomics") == f"registry/shoal/genomics:{image.tag}"


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
