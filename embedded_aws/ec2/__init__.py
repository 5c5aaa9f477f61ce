"""EC2: instances, volumes and interfaces with AWS's rules."""
