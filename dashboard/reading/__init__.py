"""What pages show, read from the rooms below in a fixed number of queries. Nothing is changed."""
