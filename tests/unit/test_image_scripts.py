"""Are the scripts of the job image sound, also the branches that cannot run here?"""

from __future__ import annotations

import re
import subprocess
from importlib import resources
from pathlib import Path

CONTEXT = Path(str(resources.files("shoal.image") / "context"))
LINT = Path(__file__).resolve().parents[2] / ".tools" / "lint" / "bin"
DOCKERFILE = (CONTEXT / "Dockerfile").read_text()


def complaints(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_shellcheck_finds_nothing_in_any_branch_of_the_installation() -> None:
    assert complaints(LINT / "shellcheck", CONTEXT / "install-packages") == ""


def test_hadolint_finds_nothing_in_the_dockerfile() -> None:
    assert complaints(LINT / "hadolint", "--no-color", CONTEXT / "Dockerfile") == ""


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
