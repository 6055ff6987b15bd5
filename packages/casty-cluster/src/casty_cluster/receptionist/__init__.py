"""Finding actors by key, wherever in the cluster they are."""
