"""One actor on every member, reached by one reference."""
