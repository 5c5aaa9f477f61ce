"""IAM: who may do what, checked and recorded as on AWS."""
