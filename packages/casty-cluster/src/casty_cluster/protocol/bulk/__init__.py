"""Bulk transfers between members: both sides as machines."""
