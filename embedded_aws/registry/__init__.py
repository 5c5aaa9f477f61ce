"""ECR: what a push and a deletion find."""
