"""One module for the work of each function: gather, decide, act, on ports."""
