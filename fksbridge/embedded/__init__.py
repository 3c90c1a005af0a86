"""PostgreSQL and Redis from Python wheels, for machines where nobody has set up either."""
