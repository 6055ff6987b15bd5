"""Suites by which the author of a plugin proves it right: one package for each kind of backend."""
