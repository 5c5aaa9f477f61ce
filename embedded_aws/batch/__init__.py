"""Batch: environments, queues and jobs with AWS's rules."""
