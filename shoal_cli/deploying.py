"""Building and deploying Shoal into the embedded AWS with the real SAM CLI."""

from __future__ import annotations

import os
import subprocess
import urllib.parse
from pathlib import Path
from typing import Any, cast

from embedded_aws import process
from shoal_cli.application import session_of
from shoal_cli.exits import CommandError, Exit

ROOT = process.ROOT
STACK = "shoal"
ENGINE_SECONDS = 120.0
ARTIFACTS = f"shoal-artifacts-{process.ACCOUNT_ID}"
"""Bucket for what SAM uploads; its own `--resolve-s3` stack would take 15 seconds to wait for."""


def deploy_into(server: process.Server) -> None:
    """Build and deploy the template with the SAM CLI.

    Raises:
        CommandError: SAM failed (exit code 3); the message is what it said last.
    """
    client = session_of(server).client("s3", endpoint_url=server.url)
    if ARTIFACTS not in {bucket["Name"] for bucket in client.list_buckets()["Buckets"]}:
        client.create_bucket(Bucket=ARTIFACTS)
    environment = sam_environment(server)
    sam = str(ROOT / ".tools/sam/bin/sam")
    _run([sam, "build", "--cached", "--parallel"], environment)
    arguments = ["--stack-name", STACK, "--s3-bucket", ARTIFACTS, "--s3-prefix", STACK, "--no-confirm-changeset"]
    arguments += ["--no-fail-on-empty-changeset", "--no-progressbar", "--region", process.REGION]
    arguments += ["--capabilities", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
    if _engine(server)["baseImages"]:
        arguments += ["--parameter-overrides", f"BaseImageRegistry={urllib.parse.urlsplit(server.url).netloc}"]
    _run([sam, "deploy", "--config-env", "embedded", *arguments], environment)


def _engine(server: process.Server) -> dict[str, Any]:
    """What builds images there; asked first, the server has to start and try an engine."""
    return cast(dict[str, Any], server.call("GET", "/_shoal/engine", seconds=ENGINE_SECONDS))


def sam_environment(server: process.Server) -> dict[str, str]:
    """What `sam` needs: the embedded AWS, Python 3.13 first on PATH, and no file in the user's home."""
    python = Path((ROOT / ".tools/python").read_text().strip())
    return {
        **process.without_aws(dict(os.environ)),
        **server.environment(),
        "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",
        "SAM_CLI_TELEMETRY": "0",
        "SAM_CLI_POLL_DELAY": "0.2",
        "__SAM_CLI_APP_DIR": str(ROOT / ".tools" / "sam-home"),
    }


def _run(command: list[str], environment: dict[str, str]) -> None:
    done = subprocess.run(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode != 0:
        lines = [" ".join(line.split()) for line in done.stdout.splitlines() if line.strip()]
        told = [line for line in lines if "FAILED" in line][:10] + lines[-3:]
        raise CommandError("\n".join([f"{' '.join(command[1:2])} failed:", *told]), Exit.NOT_REACHABLE)
