"""How AWS is asked: one class for all calls, one table for all faults."""
