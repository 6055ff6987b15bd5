"""Clustering for Casty actors. This version holds nothing yet: clustered systems come with a later one."""
