"""Recorded ticks sent through the bridge again, at any speed, in `mode: "replay"`."""
