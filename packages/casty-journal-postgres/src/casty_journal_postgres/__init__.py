"""Casty's journal in PostgreSQL. This version holds nothing yet: the journal comes with a later one."""
