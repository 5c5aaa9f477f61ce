"""What the page says around the figures."""

HEAD = """# Performance

Measured by `make bench`, which writes this page and `build/bench-report.json`. Nothing here ran on AWS. Ratios first:
they hold on other machines too; seconds and rates are those of the machine that is named.
"""
IMAGES = """## Building a job image

Both flows are built through CodeBuild's API on the embedded AWS with a real container engine behind it, from a zip
archive in S3 to an image in ECR: Shoal's context and buildspec, and the buildspec, scripts and Dockerfile that
ParallelCluster 3.15.1 ships for AWS Batch. Base image and list of packages are the same, Shoal's, so that what differs
is the flow. Before every build the engine forgets all layers: CodeBuild gives each build a machine that has built
nothing before.

{machine};
{engine}; {rounds} rounds, the flows in turn. Seconds are medians, with minimum and maximum; the ratio is the
median of the rounds' ratios, ParallelCluster's seconds by Shoal's.
"""
IMAGE_NOTES = """
- *Nothing built before*: both do the same work; Shoal also keeps the layers for the next build, in a second or
  two. How far this ratio is from 1 tells how much other work of the machine disturbed the run.
- *One line of a script changed*: Shoal's packages come from the cache repository, since scripts stand after them in the
  Dockerfile. ParallelCluster's Dockerfile copies its scripts first, and its project has no cache: all is built again.
- *Nothing changed*: Shoal is asked by `shoal build-image`. The control plane finds the content's tag in the repository
  and starts no build; its seconds are those of the embedded AWS, whose waits are shortened. ParallelCluster has no such
  command and its tag says nothing of the content, so the figure is that of a build.
- The registry is on this machine: on AWS pushes and pulls take longer, in both flows.
"""
WATCHERS = """## sqswatcher

How many messages a second two sqswatchers handle: Shoal's as it is, and that of ParallelCluster 2
(`aws-parallelcluster-node` 2.8.1 from PyPI in an environment of its own), its functions in the order of its own loop.
Both read the same queue of the embedded AWS in turn, each writes a table of its own form, and both have a scheduler
that does nothing. A round is one message of every node that it is ready, then Auto Scaling's notice of each one's end.

{machine};
{rounds} rounds, who begins changing. Medians, with minimum and maximum; the ratio is the median of the rounds' ratios,
Shoal's rate by ParallelCluster's. The last column has each side's calls of AWS in a round, ParallelCluster's first.
"""
WATCHER_NOTES = """
- *A call takes longer by*: on this machine a call takes one or two milliseconds; with AWS there is a network. 20 ms is
  an assumption, the same for both sides, not measured on AWS. Where calls cost nothing (0 ms) what is compared is how
  fast two programs and the embedded AWS compute, and all three share two cores. So the more else the machine has to
  do (its load stands above), the smaller the ratios: Shoal computes where ParallelCluster waits.
- Left out, in ParallelCluster's favour: its 30 seconds between two looks, which by themselves hold it to 200 messages
  in 30 seconds, under 7 a second; and the two seconds that it waits for messages once the queue is empty.
- Shoal asks EC2 about every instance that a message names, which ParallelCluster does not; ParallelCluster takes the
  message's word. It is not told of launches at all, so neither are the two here.
- Up to five hundred messages are handled together: one question to EC2 and to the table for all, records written in
  transactions of a hundred, messages received and deleted ten calls at a time. With ten nodes there is little to put
  together, and the ratio is small.
"""
JOINS = """## A node joins and leaves

What one node costs Slurm, with others there: real slurmctld, munged and slurmds, each in a network namespace, one
machine. Shoal's way: the node's slurmd registers itself (`slurmd -Z`), and is deleted when its instance has ended.
ParallelCluster 2's way, on the same Slurm: the file of nodes is written anew, slurmctld restarted, the node's slurmd
started, and `scontrol reconfigure`. A join ends when Slurm gives the node jobs, a leave when Slurm has forgotten it.

{machine};
{times} nodes each, the ways in turn at each size. Milliseconds are medians, with minimum and maximum; the ratio is
ParallelCluster's median by Shoal's.
"""
JOIN_NOTES = """
- Both ways start the node's slurmd, and what is measured includes that and the `sinfo` that sees the node.
- Left out, in ParallelCluster's favour: ssh to the node, and the time until Slurm has heard of all other nodes again
  after a restart. In its favour, too: one restart serves all nodes that come together, while here each comes alone.
- A restart keeps everybody's commands waiting meanwhile; a node that registers itself keeps nobody waiting.
"""
