"""The part of ECR's registry: what a client's `docker login` and `docker push` lead to.

AWS: https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html - a push needs
`ecr:GetAuthorizationToken`, and on the repository BatchCheckLayerAvailability, InitiateLayerUpload, UploadLayerPart,
CompleteLayerUpload and PutImage.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import boto3
from botocore.exceptions import ClientError

from embedded_aws.stand_in.images import Image, digest
from embedded_aws.stand_in.names import Reference
from embedded_aws.stand_in.telling import DockerError


def password() -> str:
    """The password that ECR gives the build's role at this time."""
    answer = _ecr().get_authorization_token()["authorizationData"][0]["authorizationToken"]
    return base64.b64decode(answer).decode().partition(":")[2]


def unreadable(image: Reference) -> str | None:
    """Why an image cannot be pulled with the build's role, None when it can.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-policy-examples.html - a pull needs BatchGetImage
    and GetDownloadUrlForLayer.
    """
    ecr = _ecr()
    try:
        found = ecr.batch_get_image(repositoryName=image.repository, imageIds=[image.id])["images"]
        if not found:
            return f"{image.host}/{image.repository}: {image.digest or image.tag}: not found"
        for layer in json.loads(found[0]["imageManifest"]).get("layers", [])[:1]:
            ecr.get_download_url_for_layer(repositoryName=image.repository, layerDigest=layer["digest"])
    except ClientError as error:
        return _wording(error, image.repository, image.tag)
    return None


def push(image: Image, repository: str, tag: str) -> str:
    """Upload layer and configuration, put the manifest; the manifest's digest.

    Raises:
        DockerError: there is no such repository, the tag is taken and immutable, or the role may not.
    """
    ecr = _ecr()
    try:
        for blob in (image.layer, image.config):
            _upload(ecr, repository, blob)
        answer = ecr.put_image(repositoryName=repository, imageManifest=image.manifest(), imageTag=tag)
    except ClientError as error:
        raise DockerError(_wording(error, repository, tag)) from error
    return str(answer["image"]["imageId"]["imageDigest"])


def put_manifest(manifest: str, media_type: str, repository: str, tag: str) -> None:
    """Give a manifest whose layers are in the repository its tag.

    Raises:
        DockerError: as for a push.
    """
    ecr = _ecr()
    try:
        _upload(ecr, repository, manifest)  # asks for the rights that a push of layers needs
        ecr.put_image(
            repositoryName=repository, imageManifest=manifest, imageManifestMediaType=media_type, imageTag=tag
        )
    except ClientError as error:
        raise DockerError(_wording(error, repository, tag)) from error


def _ecr() -> Any:
    """A client with the credentials of the environment as they are now, the build's role."""
    return boto3.session.Session().client("ecr")


def _upload(ecr: Any, repository: str, blob: str) -> None:
    blob_digest = digest(blob)
    ecr.batch_check_layer_availability(repositoryName=repository, layerDigests=[blob_digest])
    upload = ecr.initiate_layer_upload(repositoryName=repository)["uploadId"]
    part = {"partFirstByte": 0, "partLastByte": len(blob) - 1, "layerPartBlob": blob.encode()}
    ecr.upload_layer_part(repositoryName=repository, uploadId=upload, **part)
    try:
        ecr.complete_layer_upload(repositoryName=repository, uploadId=upload, layerDigests=[blob_digest])
    except ecr.exceptions.LayerAlreadyExistsException:
        return  # another push was faster; a registry's layers are the same by their digest


def _wording(error: ClientError, repository: str, tag: str) -> str:
    code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
    if code in ("ImageTagAlreadyExistsException", "ImageAlreadyExistsException"):
        # ECR refuses the identical image too: https://github.com/aws/containers-roadmap/issues/2179
        taken = f"The image tag '{tag}' already exists in the '{repository}' repository"
        return f"tag invalid: {taken} and cannot be overwritten because the tag is immutable."
    if code == "RepositoryNotFoundException":
        return f"name unknown: {message}"
    if code.startswith("AccessDenied"):
        return f"denied: {message}"
    return f"unknown: {code}: {message}"
