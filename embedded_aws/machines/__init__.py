"""Step Functions: tasks, waiting and failures as on AWS."""
