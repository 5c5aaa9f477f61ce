"""Stand-ins for the nodes of Slurm clusters, where this machine boots no instances: what they do as AWS sees it."""
