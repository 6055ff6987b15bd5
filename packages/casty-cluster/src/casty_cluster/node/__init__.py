"""One node of a cluster at work: thin shells that give the machines of `protocol` time, frames and a voice."""
