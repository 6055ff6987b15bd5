"""The catalogue of all messages between nodes: their names, their fields, and their bytes."""
