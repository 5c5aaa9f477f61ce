"""The job image: its context, its content hash, its build."""
