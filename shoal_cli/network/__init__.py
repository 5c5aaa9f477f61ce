"""`shoal network`: a network for people who have none, as a stack of its own."""
