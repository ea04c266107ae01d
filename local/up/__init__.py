"""`make up`: an embedded AWS with a cluster to play with, which stays until `make down`."""
