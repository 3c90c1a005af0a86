"""Load and latency measurements at the cost of as little processor time as possible."""
