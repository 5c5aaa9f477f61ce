"""CloudFormation: the types, failures and records that MiniStack lacks."""
