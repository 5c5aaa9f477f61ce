"""EC2 instances that really boot: containers with a service manager, cloud-init and a metadata service of their own."""
