"""The commands. Each gathers, has the core judge, and shows."""
