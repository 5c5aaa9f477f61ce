"""Containers on this machine: the engine that builds images and runs jobs, and the images that it finds."""
