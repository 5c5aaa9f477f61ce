"""Are the scripts of the job image sound, also the branches that cannot run here?"""

from __future__ import annotations

import re
import subprocess
from importlib import resources
from pathlib import Path

import pytest

CONTEXT = Path(str(resources.files("shoal.image") / "context"))
ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "own-image"
LINT = ROOT / ".tools" / "lint" / "bin"
DOCKERFILE = (CONTEXT / "Dockerfile").read_text()


def complaints(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_shellcheck_finds_nothing_in_any_branch_of_the_installation() -> None:
    assert complaints(LINT / "shellcheck", CONTEXT / "install-packages") == ""


@pytest.mark.parametrize("context", [CONTEXT, EXAMPLE], ids=["Shoal's", "the example's"])
def test_hadolint_finds_nothing_in_the_dockerfile(context: Path) -> None:
    # DL3066: the user's name is known, since install-packages makes it.
    assert complaints(LINT / "hadolint", "--no-color", "--ignore=DL3066", context / "Dockerfile") == ""


def test_the_documentation_shows_what_the_example_does() -> None:
    page = (ROOT / "docs" / "images.md").read_text()
    shown = page.split("```dockerfile\n")[1].split("```")[0].splitlines()
    example = (EXAMPLE / "Dockerfile").read_text().replace(" AS jobs", "").splitlines()
    assert [line for line in shown if line not in example and not line.startswith("#")] == []


def test_a_base_image_of_an_unknown_kind_is_refused_in_one_line(tmp_path: Path) -> None:
    done = subprocess.run(
        ["/bin/sh", str(CONTEXT / "install-packages")],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "neither apt-get nor dnf" in done.stderr


def test_every_distribution_gets_the_programs_that_the_entry_point_calls() -> None:
    script = (CONTEXT / "install-packages").read_text()
    debian, amazon = script.split("install_on_amazon_linux()")
    for package in ("python3", "openssh-server", "openssh-client", "openmpi", "awscli", "ca-certificates"):
        assert package in debian
        assert package.replace("openssh-client", "openssh-clients").replace("awscli", "awscli-2") in amazon


def test_a_change_of_the_entry_point_installs_no_package_again() -> None:
    assert DOCKERFILE.index("RUN sh /usr/local/lib/shoal/install-packages") < DOCKERFILE.index("COPY shoal-job")


def test_jobs_do_not_run_as_root() -> None:
    assert re.findall(r"^USER (.*)$", DOCKERFILE, re.MULTILINE) == ["job"]
