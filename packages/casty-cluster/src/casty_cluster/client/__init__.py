"""Clients: programs that use the actors of a cluster without joining it, and the part of a node that serves them."""
