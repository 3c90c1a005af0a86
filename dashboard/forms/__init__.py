"""What people fill in. Forms read and explain; the rooms' actions decide."""
