"""How much and how fast, measured now, beside baselines that run in the same call."""
