"""Tells journals from files and entities in the arguments of a command: a journal, and nothing else, is a URL."""

from casty.errors import ConfigError


def is_url(text: str) -> bool:
    """Whether the text names a journal rather than a file."""
    return "://" in text


def one_of(argument: str | None, option: str | None, flag: str = "--url") -> str | None:
    """The value of an argument or of its equivalent option, if any. Raises `ConfigError` if both are given."""
    if argument is not None and option is not None and argument != option:
        raise ConfigError(f"two journals are named, {argument} and {flag} {option}; name one of them")
    return argument if option is None else option


def in_either_order(name: str, journal: str | None) -> tuple[str, str | None]:
    """An entity or a file, and the journal, in either order."""
    if journal is not None and is_url(name) and not is_url(journal):
        return journal, name
    return name, journal


def source_and_target(
    origin: str | None, journal: str | None, from_url: str | None, url: str | None
) -> tuple[str, str | None]:
    """The source and the target of an import; None for the configured journal. Raises `ConfigError`."""
    if from_url is not None and origin is not None and journal is None:
        # The option names the source, so the only argument is the target.
        origin, journal = None, origin
    source = one_of(origin, from_url, "--from-url")
    if source is None:
        raise ConfigError(
            "there is nothing to import; name a file that `casty journal export` has written, or the URL of a journal"
        )
    target = one_of(journal, url)
    if target is not None and not is_url(target) and is_url(source):
        raise ConfigError(
            f"an import writes into a journal, and {target!r} is not a URL; to write the journal into a file, run: "
            f"casty journal export {target} {source}"
        )
    return source, target
