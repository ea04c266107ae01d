"""The product beside what else its users run: the same nodes, service, client and faults, in one run."""
