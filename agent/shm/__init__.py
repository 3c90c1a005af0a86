"""Shared memory: what MetaTrader 4's program writes there, passed on to the bridge, and back."""
