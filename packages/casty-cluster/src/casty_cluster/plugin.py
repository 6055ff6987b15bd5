"""The entry point of casty-cluster. It implements no hooks: this version provides no failure detector yet."""
