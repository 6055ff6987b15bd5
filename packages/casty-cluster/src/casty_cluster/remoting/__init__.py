"""Actors of other nodes as if they were here: references, asks and death watch across nodes."""
