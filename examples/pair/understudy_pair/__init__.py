"""What kits of two replicating servers have in common: the node's side of a promotion, and the command line."""
