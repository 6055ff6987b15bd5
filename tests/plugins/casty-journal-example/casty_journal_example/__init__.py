"""A journal that keeps its records as JSON lines: an example of a Casty plugin from elsewhere."""
