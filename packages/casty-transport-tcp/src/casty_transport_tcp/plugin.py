"""The entry point of casty-transport-tcp. It implements no hooks: this version provides no transport yet."""
