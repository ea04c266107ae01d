"""The board: what an operator sees of every cluster. Pure: values in, HTML out; no script, no clock, no call."""
