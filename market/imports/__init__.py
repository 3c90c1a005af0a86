"""History from files: read, checked, stored apart from what came live, and undone as a whole."""
