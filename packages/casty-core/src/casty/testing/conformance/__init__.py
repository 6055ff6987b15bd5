"""Conformance suites for authors of plugins: one package for each kind of backend."""
