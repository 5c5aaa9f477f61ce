"""Auto Scaling groups that launch, replace and end instances of the embedded EC2, and tell of it."""
