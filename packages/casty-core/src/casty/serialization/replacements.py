"""What to send in place of well-known types that do not travel."""

from typing import Final

_LIST: Final = "send list(value)"
_TEXT: Final = "send str(value)"
_LOCAL: Final = "it belongs to this process; send what the receiver needs to make its own"

_BY_NAME: Final = {
    "array.array": _LIST,
    "asyncio.Event": _LOCAL,
    "asyncio.Future": _LOCAL,
    "asyncio.Lock": _LOCAL,
    "asyncio.Queue": _LOCAL,
    "_asyncio.Future": _LOCAL,
    "_io._IOBase": _LOCAL,
    "_thread.lock": _LOCAL,
    "_thread.RLock": _LOCAL,
    "builtins.bytearray": "send bytes(value)",
    "builtins.complex": "send (value.real, value.imag)",
    "builtins.coroutine": "await it, and send its result",
    "builtins.dict_items": _LIST,
    "builtins.dict_keys": _LIST,
    "builtins.dict_values": _LIST,
    "builtins.ellipsis": "send None, or a member of an enum",
    "builtins.filter": _LIST,
    "builtins.generator": _LIST,
    "builtins.map": _LIST,
    "builtins.mappingproxy": "send dict(value)",
    "builtins.memoryview": "send bytes(value)",
    "builtins.object": "send None, or a member of an enum",
    "builtins.range": "send list(value), or its start, stop and step",
    "builtins.slice": "send its start, stop and step",
    "builtins.zip": _LIST,
    "collections.ChainMap": "send dict(value)",
    "collections.deque": _LIST,
    "collections.UserDict": "send value.data",
    "collections.UserList": "send value.data",
    "collections.UserString": "send value.data",
    "datetime.tzinfo": "send its name, such as value.key of a ZoneInfo",
    "fractions.Fraction": "send (value.numerator, value.denominator)",
    "ipaddress._IPAddressBase": _TEXT,
    "numpy.generic": "send value.item()",
    "numpy.ndarray": "send value.tolist()",
    "os.PathLike": "send os.fspath(value)",
    "pathlib.PurePath": _TEXT,
    "re.Pattern": "send value.pattern",
    "socket.socket": _LOCAL,
    "types.SimpleNamespace": "send vars(value)",
    "weakref.ReferenceType": "send what it refers to",
}
"""By the first part of the module and the name of the class."""


def replacement(kind: type[object]) -> str | None:
    """What to send for an instance of the type, or of one that is derived from it; None where nothing is known."""
    for base in kind.__mro__:
        name = f"{base.__module__.partition('.')[0]}.{base.__qualname__}"
        if name in _BY_NAME and (base is not object or kind is object):
            return _BY_NAME[name]
    return None
