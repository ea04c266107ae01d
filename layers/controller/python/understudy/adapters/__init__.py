"""The ports on AWS, one technology a module. Clients are passed in; clients.py builds them."""
