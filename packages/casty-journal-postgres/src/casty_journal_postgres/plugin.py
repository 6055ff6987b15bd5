"""The entry point of casty-journal-postgres. It implements no hooks: this version provides no journal yet."""
