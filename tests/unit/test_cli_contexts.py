"""A build context that is a directory: checked before anything is asked, uploaded once, named by what it holds."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from moto import mock_aws

from shoal.cluster.configuration import load
from shoal.cluster.problems import ConfigurationError
from shoal.image.archive import read_zip
from shoal.image.context_faults import Limits
from shoal.image.user_context import digest
from shoal_cli.context_folders import folders_of
from shoal_cli.uploading import with_uris
from tests.support.archives import DOCKERFILE
from tests.support.clusters import configuration, queue
from tests.support.command_line import Ended, Shoal, command

REGION = "us-east-1"
BUCKET = f"shoal-control-123456789012-{REGION}"
NOTHING = {"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}
KEY = "ContainerImage.Context"


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Shoal:
    """The command in a folder with a configuration and its directory `image`; no AWS answers, and asking one fails."""
    monkeypatch.chdir(tmp_path)
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "SHOAL_PREFIX"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SECURITY_TOKEN"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    write("image", DOCKERFILE)
    configured("image")
    return command(monkeypatch, capsys)


@pytest.fixture
def shoal(offline: Shoal) -> Iterator[Shoal]:
    """The same with a control plane that takes inputs."""
    with mock_aws():
        role = "arn:aws:iam::123456789012:role/shoal/shoal-run-operation"
        boto3.client("stepfunctions").create_state_machine(
            name="shoal-run-operation", definition=json.dumps(NOTHING), roleArn=role
        )
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        boto3.client("s3").put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        yield offline


def write(folder: str, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        path = Path(folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def configured(context: str, **keys: Any) -> None:
    """A configuration in the current folder whose jobs run in an image of this context."""
    document = configuration() | {"ContainerImage": {"Context": context, **keys}}
    Path("cluster.yaml").write_text(f"# ours\n{yaml.safe_dump(document)}")


def sent(ended: Ended) -> str:
    """The text of the configuration that the control plane got."""
    arn = json.loads(ended.out)["executionArn"]
    data = json.loads(boto3.client("stepfunctions").describe_execution(executionArn=arn)["input"])
    return str(data["clusterConfiguration"])


def context_of(ended: Ended) -> str:
    return str(yaml.safe_load(sent(ended))["ContainerImage"]["Context"])


def uploads() -> list[str]:
    found = boto3.client("s3").list_object_versions(Bucket=BUCKET).get("Versions", [])
    return [f"s3://{BUCKET}/{version['Key']}" for version in found]


def uploaded(uri: str) -> dict[str, bytes]:
    key = uri.removeprefix(f"s3://{BUCKET}/")
    content = boto3.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.parametrize("operation", ["create", "update"])
def test_a_directory_is_uploaded_and_its_address_sent(shoal: Shoal, operation: str) -> None:
    uri = context_of(shoal(operation, "genomics", "cluster.yaml", "--output", "json"))
    assert uploads() == [uri]
    assert uploaded(uri) == DOCKERFILE


def test_the_address_is_the_digest_of_what_was_uploaded(shoal: Shoal) -> None:
    uri = context_of(shoal("create", "genomics", "cluster.yaml", "--output", "json"))
    content = boto3.client("s3").get_object(Bucket=BUCKET, Key=uri.removeprefix(f"s3://{BUCKET}/"))["Body"].read()
    assert uri == f"s3://{BUCKET}/contexts/{digest(read_zip(uri, content))}.zip"


def test_a_directory_is_relative_to_the_file_that_names_it(shoal: Shoal, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    assert shoal("create", "genomics", "../cluster.yaml", "--output", "json").code == 0
    assert len(uploads()) == 1


def test_what_is_there_is_not_uploaded_again(shoal: Shoal) -> None:
    for _ in range(2):
        assert shoal("update", "genomics", "cluster.yaml", "--output", "json").code == 0
    assert len(uploads()) == 1


def test_each_queue_may_have_a_directory_of_its_own(shoal: Shoal) -> None:
    write("other", {"docker/gpu": b"FROM scratch\n"})
    queues = [
        queue("plain"),
        queue("gpu") | {"ContainerImage": {"Context": "./other", "Dockerfile": "docker/gpu"}},
        queue("same") | {"ContainerImage": {"Context": "image"}},
    ]
    document = configuration() | {"Scheduling": {"Scheduler": "awsbatch", "AwsBatchQueues": queues}}
    Path("cluster.yaml").write_text(yaml.safe_dump(document | {"ContainerImage": {"Context": "image"}}))
    text = yaml.safe_load(sent(shoal("create", "genomics", "cluster.yaml", "--output", "json")))
    plain, gpu, same = text["Scheduling"]["AwsBatchQueues"]
    assert "ContainerImage" not in plain
    assert same["ContainerImage"]["Context"] == text["ContainerImage"]["Context"]
    assert uploaded(gpu["ContainerImage"]["Context"]) == {"docker/gpu": b"FROM scratch\n"}
    assert len(uploads()) == 2


def test_what_the_user_wrote_is_sent_as_it_was_written(shoal: Shoal) -> None:
    before = Path("cluster.yaml").read_text()
    after = sent(shoal("create", "genomics", "cluster.yaml", "--output", "json"))
    assert after.startswith("# ours\n")
    assert after.replace(f'"{yaml.safe_load(after)["ContainerImage"]["Context"]}"', "image") == before


def test_a_context_in_s3_is_nothing_to_upload(shoal: Shoal) -> None:
    configured("s3://bucket/image.zip")
    assert context_of(shoal("create", "genomics", "cluster.yaml", "--output", "json")) == "s3://bucket/image.zip"
    assert uploads() == []


def test_docker_ignores_the_same_files(shoal: Shoal) -> None:
    ignore = b"# not for the image\n*.log\n**/cache\n!keep.log\nDockerfile\n"
    files = {**DOCKERFILE, ".dockerignore": ignore, "a.log": b"", "keep.log": b"", "src/cache/x": b"", "src/b.py": b""}
    write("image", files)
    uri = context_of(shoal("create", "genomics", "cluster.yaml", "--output", "json"))
    assert set(uploaded(uri)) == {".dockerignore", "Dockerfile", "keep.log", "src/b.py"}


def test_a_dockerfile_that_ignores_for_itself_is_sent_everything(shoal: Shoal) -> None:
    write("image", {".dockerignore": b"*\n", "Dockerfile.dockerignore": b"*.log\n", "a.log": b"", "b.py": b""})
    uri = context_of(shoal("create", "genomics", "cluster.yaml", "--output", "json"))
    assert set(uploaded(uri)) == {".dockerignore", "Dockerfile", "Dockerfile.dockerignore", "a.log", "b.py"}


def test_a_link_in_the_directory_is_uploaded_as_what_it_leads_to(shoal: Shoal) -> None:
    Path("image/link").symlink_to("Dockerfile")
    uri = context_of(shoal("create", "genomics", "cluster.yaml", "--output", "json"))
    assert uploaded(uri)["link"] == DOCKERFILE["Dockerfile"]


def test_permissions_count_and_times_do_not(shoal: Shoal) -> None:
    def uri() -> str:
        return context_of(shoal("create", "genomics", "cluster.yaml", "--output", "json"))

    first = uri()
    os.utime("image/Dockerfile", (0, 0))
    assert uri() == first
    Path("image/Dockerfile").chmod(0o755)
    assert uri() != first


def test_a_bucket_that_takes_no_upload_is_told_with_the_rights_that_it_needs(shoal: Shoal) -> None:
    boto3.client("s3").delete_bucket(Bucket=BUCKET)
    ended = shoal("create", "genomics", "cluster.yaml")
    assert (ended.code, ended.out) == (3, "")
    assert ended.err.startswith("image cannot be uploaded: ")
    assert ended.err.endswith(f"; it takes s3:GetObject and s3:PutObject on {BUCKET}/contexts/*\n")
    assert len(ended.err.splitlines()) == 1


def no_dockerfile() -> None:
    Path("image/Dockerfile").rename("image/app.py")


def not_there() -> None:
    configured("images")


def no_directory() -> None:
    configured("image/Dockerfile")


def link_out() -> None:
    Path("image/etc").symlink_to("/etc")


def fifo() -> None:
    os.mkfifo("image/queue")


def not_utf_8() -> None:
    Path(os.fsdecode(b"image/caf\xe9")).touch()


def reserved() -> None:
    write("image", {".shoal/x": b""})


CHECKED = {
    no_dockerfile: "names image, which holds no Dockerfile; "
    "add it, or name another by the key Dockerfile; there are app.py",
    not_there: "names images, which is not there; write the path of a directory, relative to the configuration file",
    no_directory: "names image/Dockerfile, which is no directory; "
    "write the path of a directory, relative to the configuration file",
    link_out: "names image, which has a link that leads out of it, etc; "
    "put a copy of what it means there, or remove it",
    fifo: "names image, which holds what is neither file nor link nor folder, queue; remove it",
    not_utf_8: 'names image, which holds names that do not lie in it, "caf\\udce9"; '
    "name files relative to the folder of the context, with / between folders",
    reserved: "names image, which holds .shoal, the name of the files that Shoal adds; give it another name",
}


@pytest.mark.parametrize("mistake", CHECKED, ids=lambda mistake: mistake.__name__)
@pytest.mark.parametrize(
    "arguments", [("create", "genomics"), ("update", "genomics"), ("plan", "genomics"), ("template",)]
)
def test_a_directory_that_cannot_be_built_is_told_before_anything_is_asked(
    offline: Shoal, mistake: Any, arguments: tuple[str, ...]
) -> None:
    mistake()
    ended = offline(*arguments, "cluster.yaml")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == f"cluster.yaml: 1 problem\n  {KEY} {CHECKED[mistake]}\n"


@pytest.mark.parametrize("mistake", CHECKED, ids=lambda mistake: mistake.__name__)
def test_validate_checks_directories_and_uploads_nothing(offline: Shoal, mistake: Any) -> None:
    assert offline("validate", "cluster.yaml").code == 0
    mistake()
    ended = offline("validate", "cluster.yaml")
    assert (ended.code, ended.out) == (2, f"cluster.yaml: 1 problem\n  {KEY} {CHECKED[mistake]}\n")


def told(limits: Limits = Limits()) -> list[str]:  # noqa: B008 (frozen)
    with pytest.raises(ConfigurationError) as error:
        folders_of(load(Path("cluster.yaml").read_text()), Path(), limits)
    return [f"{problem.message}; {problem.suggestion}" for problem in error.value.problems]


LEAVE_OUT = "leave out what the Dockerfile does not copy, or fetch it while building"


@pytest.mark.usefixtures("offline")
def test_a_directory_that_is_too_large_is_told() -> None:
    write("image", {"data": b"\0" * 1000})
    message = f"{KEY} names image, which holds 1034 bytes, more than the 500 bytes that a context may have; {LEAVE_OUT}"
    assert told(Limits(content=500)) == [message]


@pytest.mark.usefixtures("offline")
def test_a_directory_that_packs_to_too_much_is_told() -> None:
    write("image", {"data": os.urandom(1000)})
    assert told(Limits(archive=500))[0].endswith(f"more than the 500 bytes that an archive may have; {LEAVE_OUT}")


@pytest.mark.usefixtures("offline")
def test_a_file_that_cannot_be_read_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refused)
    assert told() == [
        f"{KEY} names image, which cannot be read: Dockerfile: Permission denied; "
        "let yourself read it, or name it in .dockerignore"
    ]


@pytest.mark.usefixtures("offline")
def test_every_wrong_directory_is_told() -> None:
    queues = [queue(name) | {"ContainerImage": {"Context": name}} for name in ("one", "two")]
    document = configuration() | {"Scheduling": {"Scheduler": "awsbatch", "AwsBatchQueues": queues}}
    Path("cluster.yaml").write_text(yaml.safe_dump(document))
    assert [fault.split(", which")[0] for fault in told()] == [
        f"Scheduling.AwsBatchQueues[{number}].ContainerImage.Context names {name}"
        for number, name in enumerate(("one", "two"))
    ]


TEXTS = (
    "ContainerImage: {Context: |image|, BuildArgs: {Context: image}}",
    "A: &a {Context: |./image|}\nB: *a\nC: {Context: other}",
    '{\n\t"ContainerImage": {"Context": |"image"|}\n}',
    "ContainerImage:\n  Context: |>-\n    image\n|  Target: image\n",
    "ContainerImage:\n  Context: |'image'| # Context: image",
)
"""What is to be replaced stands between bars."""


@pytest.mark.parametrize("text", TEXTS)
def test_only_the_names_of_directories_are_replaced(text: str) -> None:
    uri = "s3://bucket/contexts/0.zip"
    before, _, after = text.split("|")
    assert with_uris(text.replace("|", ""), {"image": uri, "./image": uri}) == f'{before}"{uri}"{after}'


def test_a_template_names_the_image_that_the_control_plane_will_build(offline: Shoal) -> None:
    site = json.loads(offline("template", "cluster.yaml", "--show-site").out)
    ((uri, context),) = site["contexts"].items()
    assert uri == f"s3://{site['bucket']}/contexts/{context['digest']}.zip"
    of_the_directory = offline("template", "cluster.yaml").out
    Path("site.json").write_text(json.dumps(site))
    configured(uri)
    assert offline("template", "cluster.yaml", "--site", "site.json").out == of_the_directory
