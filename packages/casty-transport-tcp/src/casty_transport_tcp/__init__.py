"""TCP between the nodes of a Casty cluster. This version holds nothing yet: a later one does."""
