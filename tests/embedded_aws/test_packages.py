"""Are engine and base image made once from Debian's packages, and is what cannot be had said in one line?"""

from __future__ import annotations

from pathlib import Path

import pytest

from embedded_aws.containers import base_images, oci_layout, packages
from embedded_aws.containers.packages import PackagesError

APT_GET = """#!/bin/sh
echo "$@" >> {log}
case "$2 $ONLINE" in
  "download no"*) echo "W: nobody looks at this" >&2; echo "E: Unable to locate package docker.io" >&2; exit 100;;
  "update no"*) echo "E: Failed to fetch http://mirror" >&2; exit 100;;
  "download after-update") test -e {lists} || exit 100;;
  "update after-update") touch {lists};;
esac
[ "$2" = download ] && touch docker.io_1_amd64.deb
[ "$1" = indextargets ] && printf '%s\\n' "$SOURCES"
exit 0
"""
DPKG_DEB = '#!/bin/sh\nmkdir -p "$3/usr/sbin" && echo dockerd > "$3/usr/sbin/dockerd"\n'
MMDEBSTRAP = """#!/bin/sh
echo "$@" >> {log}
for word in "$@"; do case $word in *root.tar) echo files > "$word";; esac; done
[ -z "$BROKEN" ] || {{ echo "E: setup failed" >&2; exit 1; }}
"""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with apt; the folder of its programs and their logs."""
    programs = tmp_path / "bin"
    programs.mkdir()
    log, lists = programs / "apt-get.log", programs / "lists"
    _program(programs / "apt-get", APT_GET.format(log=log, lists=lists))
    _program(programs / "dpkg-deb", DPKG_DEB)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.setenv("ONLINE", "yes")
    monkeypatch.setattr(packages, "UNPACKED", tmp_path / "engine/root")
    monkeypatch.setattr(base_images, "FOLDER", tmp_path / "images")
    return programs


def _program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def _calls(machine: Path, name: str = "apt-get") -> list[str]:
    log = machine / f"{name}.log"
    return log.read_text().splitlines() if log.exists() else []


def test_packages_are_unpacked_once(machine: Path, tmp_path: Path) -> None:
    root = tmp_path / "engine/root"
    assert packages.unpack(packages.UNPACKED, packages.LIST)
    assert (root / "usr/sbin/dockerd").exists()
    assert not packages.unpack(packages.UNPACKED, packages.LIST)
    assert len(_calls(machine)) == 1


def test_what_is_half_unpacked_does_not_stay(machine: Path, tmp_path: Path) -> None:
    _program(machine / "dpkg-deb", "#!/bin/sh\nmkdir -p $3/usr\necho 'dpkg-deb: error: no space left' >&2\nexit 2\n")
    with pytest.raises(PackagesError, match="no space left"):
        packages.unpack(packages.UNPACKED, packages.LIST)
    assert list((tmp_path / "engine").iterdir()) == []


def test_apts_lists_are_brought_up_to_date_when_a_package_is_not_found(
    machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONLINE", "after-update")
    assert packages.unpack(packages.UNPACKED, packages.LIST)
    assert [call.split()[1] for call in _calls(machine)] == ["download", "update", "download"]


def test_without_network_set_up_goes_on_with_one_line(
    machine: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ONLINE", "no")
    assert packages.main() == 0
    said = capsys.readouterr().out
    assert said.startswith("no container engine of Debian's packages: apt-get -qq update: E: Failed to fetch")
    assert said.count("\n") == 1


def test_without_apt_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(packages, "UNPACKED", tmp_path / "engine/root")
    with pytest.raises(PackagesError, match="apt-get and dpkg-deb missing on this machine"):
        packages.unpack(packages.UNPACKED, packages.LIST)


@pytest.fixture
def mmdebstrap(machine: Path) -> Path:
    """A mmdebstrap among the unpacked packages; the folder of its log."""
    _program(packages.UNPACKED / "usr/bin/mmdebstrap", MMDEBSTRAP.format(log=machine / "mmdebstrap.log"))
    return machine


def test_a_base_image_is_made_once(mmdebstrap: Path, tmp_path: Path) -> None:
    assert base_images.make()
    assert oci_layout.digest(tmp_path / "images" / base_images.DEBIAN, base_images.TAG)
    assert not base_images.make()
    assert len(_calls(mmdebstrap, "mmdebstrap")) == 1


def test_a_base_image_has_this_machines_sources_of_its_release_and_no_others(
    mmdebstrap: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = ["deb http://mirror/debian/ bookworm main", "deb http://mirror/debian/ bookworm-updates main"]
    monkeypatch.setenv("SOURCES", "\n".join([*own, "deb http://mirror/debian/ trixie main"]))
    base_images.make()
    assert _calls(mmdebstrap, "mmdebstrap")[0].endswith(" ".join(own))


def test_on_another_system_the_sources_are_debians_own(mmdebstrap: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCES", "")
    assert base_images.sources()[0] == "deb http://deb.debian.org/debian bookworm main"


def test_other_sources_make_another_image(mmdebstrap: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base_images.make()
    monkeypatch.setenv("SOURCES", "deb http://mirror/debian/ bookworm main")
    assert base_images.make()


def test_a_base_image_that_cannot_be_made_is_said_and_the_old_one_stays(
    mmdebstrap: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base_images.make()
    monkeypatch.setenv("SOURCES", "deb http://mirror/debian/ bookworm main")
    monkeypatch.setenv("BROKEN", "yes")
    with pytest.raises(PackagesError, match="E: setup failed"):
        base_images.make()
    assert oci_layout.digest(tmp_path / "images" / base_images.DEBIAN, base_images.TAG)


def test_without_mmdebstrap_set_up_goes_on_with_one_line(machine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert base_images.main() == 0
    said = "no base image of Debian's packages: mmdebstrap is missing; builds fetch theirs from its registry\n"
    assert capsys.readouterr().out == said
