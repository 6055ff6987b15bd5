"""The base of all behaviors, in a file of its own because handlers, contexts and behaviors name each other's types."""


class Behavior[M]:
    """How an actor treats its next message. Made by `Behaviors`; any of them may be returned from any handler."""

    __slots__ = ()
