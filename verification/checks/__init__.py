"""The rules themselves, one module each: pure arithmetic, no Django, no clock of its own."""
