"""Slurm's programs, run and read: nothing else in the node package runs them. Slurm 22.05 and later."""
