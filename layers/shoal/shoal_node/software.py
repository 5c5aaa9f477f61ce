"""Software that the head node needs: packages of the system, the agent of Session Manager, AWS's Batch client."""

from __future__ import annotations

import logging
import pwd
import urllib.request
from pathlib import Path

from shoal_node.contract import BATCH_CLIENT, SLURM, ComputeSettings, NodeSettings, Settings
from shoal_node.shell import NodeError, has, run, write
from shoal_node.slurm.installation import link_programs

log = logging.getLogger("shoal_node")

PACKAGES = {
    "exportfs": ("nfs-utils", "nfs-kernel-server"),
    "mount.nfs4": ("nfs-utils", "nfs-common"),
    "mdadm": ("mdadm", "mdadm"),
    "lvcreate": ("lvm2", "lvm2"),
    "mount.efs": ("amazon-efs-utils", ""),
    "nft": ("nftables", "nftables"),
    "munged": ("munge", "munge"),
    "slurmctld": ("", "slurmctld"),
    "slurmd": ("", "slurmd"),
    "scontrol": ("", "slurm-client"),
}
"""The package that has a program: Amazon Linux's, and Debian's and Ubuntu's; no distribution with `dnf` has Slurm."""
SLURM_PROGRAMS = ("slurmctld", "slurmd", "scontrol")
EFS_CLIENT_INSTALLER = "https://amazon-efs-utils.aws.com/efs-utils-installer.sh"
"""For systems without a package of it, https://docs.aws.amazon.com/efs/latest/ug/installing-amazon-efs-utils.html"""
EFS_CLIENT = "mount.efs"
APT_OPTIONS = ("-o", "DPkg::Lock::Timeout=600", "-o", "Acquire::Retries=5")
DOWNLOAD_SECONDS = 60
FIRST_USER = 1000
"""Id of the default user of every official AMI: ec2-user, ubuntu, admin."""
CLIENT_FOLDER = Path("/opt/shoal/batch-client")
COMMANDS = Path("/usr/local/bin")
CLIENT_SECONDS = 300


def needed_programs(settings: NodeSettings) -> list[str]:
    """The programs that the rest of the bootstrap runs and an AMI may lack."""
    programs = ["mount.nfs4", "lvcreate"]
    if isinstance(settings, ComputeSettings):
        programs += ["slurmd", "scontrol", "munged"]
    else:
        programs.append("exportfs")
        programs += ["slurmctld", "scontrol", "munged"] if settings.kind == SLURM else []
        programs += ["nft"] if settings.secured_metadata else []
        if any(volume.raid_level is not None for volume in settings.volumes):
            programs.append("mdadm")
    if any(system.needs_efs_client for system in settings.file_systems):
        programs.append(EFS_CLIENT)
    return programs


def install_packages(settings: NodeSettings) -> None:
    """Install what is missing, with the system's package manager.

    Raises:
        NodeError: it cannot be installed; or there is no Slurm, neither in the image nor in the distribution.
    """
    link_programs()
    missing = [program for program in needed_programs(settings) if not has(program)]
    if has("dnf"):
        if absent := sorted({*missing} & {*SLURM_PROGRAMS}):
            raise NodeError(f"the image brings no {absent[0]}, and its distribution has no Slurm 22.05 or later")
        packages = sorted({PACKAGES[program][0] for program in missing})
        if packages:
            run("dnf", "-y", "--setopt=retries=5", "install", *packages)
        return
    packages = sorted({PACKAGES[program][1] for program in missing} - {""})
    if packages:
        run("apt-get", *APT_OPTIONS, "update")
        run("apt-get", *APT_OPTIONS, "-y", "--no-install-recommends", "install", *packages)
    if EFS_CLIENT in missing:
        script = download(EFS_CLIENT_INSTALLER, Path("/run/shoal/efs-utils-installer.sh"))
        run("sh", str(script), "--install")


def install_session_manager(settings: NodeSettings) -> None:
    """Install the agent that Session Manager reaches the node by; Debian's AMI is the only one without."""
    if has("amazon-ssm-agent") or has("amazon-ssm-agent.ssm-cli") or not has("dpkg"):
        return
    machine = run("dpkg", "--print-architecture").stdout.strip()
    bucket = f"https://s3.{settings.region}.{settings.url_suffix}/amazon-ssm-{settings.region}"
    package = download(
        f"{bucket}/latest/debian_{machine}/amazon-ssm-agent.deb", Path("/run/shoal/amazon-ssm-agent.deb")
    )
    run("dpkg", "--install", str(package))
    run("systemctl", "enable", "--now", "amazon-ssm-agent")


def install_batch_client(settings: Settings) -> None:
    """Install AWS's Batch client (`awsbsub` and its siblings) and tell the default user's of this cluster."""
    python = CLIENT_FOLDER / "bin/python"
    if not (COMMANDS / "awsbsub").exists():
        if run("python3", "-c", "import ensurepip", accept=(0, 1)).returncode:
            run("apt-get", *APT_OPTIONS, "-y", "--no-install-recommends", "install", "python3-venv")
        run("python3", "-m", "venv", str(CLIENT_FOLDER))
        run(str(python), "-m", "pip", "install", "--quiet", BATCH_CLIENT, timeout=CLIENT_SECONDS)
        for program in sorted(CLIENT_FOLDER.glob("bin/awsb*")):
            link = COMMANDS / program.name
            link.unlink(missing_ok=True)
            link.symlink_to(program)
    user = next((user for user in pwd.getpwall() if user.pw_uid == FIRST_USER), None)
    if user and Path(user.pw_dir).is_dir():
        folder = Path(user.pw_dir, ".parallelcluster")
        folder.mkdir(parents=True, exist_ok=True)
        write(folder / "awsbatch-cli.cfg", client_settings(settings))
        run("chown", "--recursive", f"{user.pw_uid}:{user.pw_gid}", str(folder))


def client_settings(settings: Settings) -> str:
    """The client's configuration file; it finds everything else in the stack."""
    return f"[main]\ncluster_name = {settings.stack_name}\nregion = {settings.region}\n"


def download(url: str, path: Path) -> Path:
    """Store what lies at an https address.

    Raises:
        NodeError: it cannot be had.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    log.info("download: %s", url)
    try:
        with urllib.request.urlopen(url, timeout=DOWNLOAD_SECONDS) as answer:  # noqa: S310 - https, as the configuration is checked to be
            path.write_bytes(answer.read())
    except OSError as error:
        raise NodeError(f"{url} cannot be downloaded: {error}") from error
    return path
