"""Emptying and proving empty: what to delete next, and what is left."""
