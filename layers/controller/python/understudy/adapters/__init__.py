"""The ports on AWS, one technology a module. Clients are passed in; wiring.py builds them."""
