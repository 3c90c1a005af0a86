"""Keeps every process of a bridge running on one machine: `manage.py bridge`."""
