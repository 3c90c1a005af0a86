"""Simulated terminals that speak the real protocol over the real ports."""
