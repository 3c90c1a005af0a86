"""Alerts by webhook: stored as they came, understood by a worker, kept when they are refused."""
