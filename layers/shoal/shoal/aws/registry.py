"""Registries: the digest that a tag stands for today, asked as docker asks (Docker Registry HTTP API V2).

https://distribution.github.io/distribution/spec/api/. Only what is public is asked for: the token flow is that of an
anonymous `docker pull` (https://distribution.github.io/distribution/spec/auth/token/).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlencode, urljoin, urlsplit
from urllib.request import parse_http_list, parse_keqv_list

import urllib3

from shoal.image.reference import DOCKER_HUB, Reference, reference

TIMEOUT = urllib3.Timeout(connect=4, read=8)
"""Seconds for each of at most six requests; a function that plans has two minutes and asks all registries at once."""
MOST_REDIRECTS = 3
LONGEST_TOKEN = 64 * 1024
"""Bytes of the answer that holds a token."""
_API_OF_DOCKER_HUB = "registry-1.docker.io"
_MANIFESTS = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
"""Lists and indexes first: their digest stands for the image on every architecture."""
_REASONS = {
    401: "asks for a login",
    403: "asks for a login",
    404: "has no such image",
    429: "limits how often it may be asked, and that is reached for now (429)",
}
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class Answer(NamedTuple):
    """What a registry answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class RegistryError(Exception):
    """No digest is known; the text follows the registry's name and says why."""


def digest(name: str) -> str:
    """The digest, `sha256:...`, of the image that a name means today.

    Args:
        name: as docker knows it, with or without registry and tag.

    Raises:
        RegistryError: the registry cannot be reached, does not answer as one, or has no such public image.
    """
    image = reference(name)
    if image.digest:
        return image.digest
    host = _API_OF_DOCKER_HUB if image.registry == DOCKER_HUB else image.registry
    url = f"{'http' if image.is_local else 'https'}://{host}/v2/{image.repository}/manifests/{image.tag}"
    headers = {"Accept": _MANIFESTS}
    answer = _ask("HEAD", url, headers, image)
    if answer.status == 401:
        token = _token(answer.headers.get("WWW-Authenticate", ""), image)
        answer = _ask("HEAD", url, {**headers, "Authorization": f"Bearer {token}"}, image)
    if answer.status != 200:
        raise RegistryError(_REASONS.get(answer.status, f"answered with status {answer.status}"))
    found = answer.headers.get("Docker-Content-Digest", "")
    if not found.startswith("sha256:"):
        raise RegistryError("tells no digest")
    return found


def _token(challenge: str, image: Reference) -> str:
    """An anonymous token, as the registry's challenge says where to get one."""
    scheme, _, parameters = challenge.partition(" ")
    asked = parse_keqv_list(parse_http_list(parameters)) if scheme.lower() == "bearer" else {}
    if "realm" not in asked:
        raise RegistryError(_REASONS[401])
    query = urlencode([(name, asked[name]) for name in ("service", "scope") if name in asked])
    answer = _ask("GET", f"{asked['realm']}?{query}", {}, image)
    if answer.status != 200:
        raise RegistryError(_REASONS.get(answer.status, f"gives no token, but status {answer.status}"))
    try:
        given = json.loads(answer.body)
        return str(given.get("token") or given["access_token"])
    except (ValueError, KeyError, AttributeError) as error:
        raise RegistryError("gives no token") from error


def _ask(method: str, url: str, headers: Mapping[str, str], image: Reference) -> Answer:
    """One request, its redirects followed; a token stays with the host that it is for."""
    for _ in range(MOST_REDIRECTS + 1):
        if urlsplit(url).scheme != "https" and not image.is_local:
            # Whoever answers for a registry must not send us to where our own network listens.
            raise RegistryError("leads to an address without TLS")
        answer = _request(method, url, headers)
        if answer.status not in _REDIRECTS or "Location" not in answer.headers:
            return answer
        target = _target(url, answer.headers["Location"])
        if urlsplit(target).netloc != urlsplit(url).netloc:
            headers = {name: value for name, value in headers.items() if name != "Authorization"}
        url = target
    raise RegistryError(f"redirects more than {MOST_REDIRECTS} times")


def _target(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError as error:
        raise RegistryError("leads to no address") from error


def _request(method: str, url: str, headers: Mapping[str, str]) -> Answer:
    try:
        with urllib3.PoolManager(timeout=TIMEOUT, retries=False) as pool:
            answer = pool.request(method, url, headers=headers, redirect=False, preload_content=False)
            body = answer.read(LONGEST_TOKEN) if method == "GET" else b""
            answer.release_conn()
    except urllib3.exceptions.HTTPError as error:
        raise RegistryError(f"cannot be reached ({type(error).__name__})") from error
    return Answer(answer.status, answer.headers, body)
