"""Decisions as functions of values: no clock, no environment, no chance, no log, no input or output."""
