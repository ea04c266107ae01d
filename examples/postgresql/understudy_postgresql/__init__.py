"""PostgreSQL servers that stream to each other as a service of the Understudy agent. See README.md beside it."""
