"""Routers: pools and groups of actors behind one reference."""
