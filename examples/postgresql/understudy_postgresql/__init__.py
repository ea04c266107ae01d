"""A streaming pair of PostgreSQL servers as a service of the Understudy agent. See README.md beside it."""
