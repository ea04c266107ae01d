"""Understudy: the failover controller. The controller decides, the table remembers, the workflow acts."""

VERSION = "0.1.0"
