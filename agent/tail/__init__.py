"""Follows a file that a terminal appends to, for platforms that only write files."""
