"""Shoal: HPC and batch clusters on AWS, run as Step Functions executions."""

__version__ = "0.1.0"
