"""Does a value fit its annotation? What a type checker accepts does, and what cannot be tested here."""

from collections.abc import (
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    MutableMapping,
    MutableSequence,
    MutableSet,
    Sequence,
)
from collections.abc import Set as AbstractSet
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Final,
    Literal,
    NamedTuple,
    NewType,
    TypeAliasType,
    Union,
    Unpack,
    cast,
    get_args,
    get_origin,
)

from casty.ref import ActorRef

type Test = Callable[[object], bool]
type TestAll = Callable[[Collection[object]], bool]

_NONE: Final[frozenset[type]] = frozenset()


class Check(NamedTuple):
    """A test, with the types whose very instances pass it: looking a type up is cheaper than calling."""

    exact: frozenset[type]
    test: Test


def _fits_anything(value: object) -> bool:
    return True


UNCHECKED: Final = Check(frozenset((NoneType, bool, int, float, str, bytes)), _fits_anything)

_OF_ITEMS: Final = (
    list,
    set,
    frozenset,
    Sequence,
    MutableSequence,
    AbstractSet,
    MutableSet,
    Collection,
    Iterable,
)
_OF_PAIRS: Final = (dict, Mapping, MutableMapping)


def check_of(annotation: Any) -> Check:
    """What tests values of that annotation, made once for each field."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation is None:
        return _instance(NoneType)
    if origin is Annotated:
        return check_of(arguments[0])
    if origin is Union or origin is UnionType:
        return _any_of([check_of(argument) for argument in arguments])
    if origin is Literal:
        return _literal(arguments)
    if isinstance(annotation, NewType):
        return check_of(annotation.__supertype__)
    if isinstance(annotation, TypeAliasType):
        return _alias(annotation)
    if isinstance(origin, TypeAliasType):  # its arguments stay unchecked, like those of a generic class
        return _alias(origin)
    if isinstance(origin, type) and arguments:
        return _container(origin, arguments)
    return _instance(annotation if origin is None else origin)


def _instance(kind: Any) -> Check:
    if kind is object or not _is_testable(kind):
        return UNCHECKED
    if kind is float:
        return _any_of([Check(frozenset((float,)), _is_float), _instance(int)])
    if kind is complex:
        return _any_of([Check(frozenset((complex,)), _is_complex), _instance(float)])
    if issubclass(kind, ActorRef):
        return _REF

    def test(value: object) -> bool:
        return isinstance(value, kind)

    return Check(frozenset((int, bool) if kind is int else (kind,)), test)


def _is_float(value: object) -> bool:
    return isinstance(value, float)


def _is_complex(value: object) -> bool:
    return isinstance(value, complex)


def _is_ref(value: object) -> bool:
    """Which kind of reference a resolver makes is its own business."""
    return ActorRef in type(value).__mro__  # a third of what `isinstance` takes for an abstract class


_REF: Final = Check(frozenset((ActorRef,)), _is_ref)


def _is_testable(kind: Any) -> bool:
    try:
        return isinstance(kind, type) and isinstance(None, kind) in (True, False)
    except TypeError:  # a Protocol without `runtime_checkable`, a TypedDict
        return False


def _any_of(checks: Sequence[Check]) -> Check:
    if UNCHECKED in checks:
        return UNCHECKED

    tests = [check.test for check in checks]

    def test(value: object) -> bool:
        for test in tests:  # noqa: SIM110 - a generator would cost as much as the tests
            if test(value):
                return True
        return False

    return Check(_NONE.union(*(check.exact for check in checks)), test)


def _literal(choices: tuple[object, ...]) -> Check:
    def test(value: object) -> bool:
        return any(type(value) is type(choice) and value == choice for choice in choices)

    return Check(_NONE, test)


def _alias(alias: TypeAliasType) -> Check:
    """Resolved at the first value, because an alias may contain itself."""
    resolved: list[Check] = []

    def test(value: object) -> bool:
        if not resolved:
            try:
                resolved.append(check_of(alias.__value__))
            except Exception:  # it is an expression: it may raise anything
                resolved.append(UNCHECKED)
        return resolved[0].test(value)

    return Check(_NONE, test)


def _container(origin: type, arguments: tuple[Any, ...]) -> Check:
    if origin is tuple and arguments[-1] is not Ellipsis:
        return _tuple_of(arguments)
    if origin in _OF_PAIRS:
        return _pairs(origin, _all(arguments[0]), _all(arguments[1]))
    if origin is tuple or origin in _OF_ITEMS:
        return _items(origin, _all(arguments[0]))
    return _instance(origin)


def _tuple_of(annotations: tuple[Any, ...]) -> Check:
    """Of fixed elements, of which one may stand for any number: `*tuple[str, ...]`, or `*Ts`."""
    before: list[Test] = []
    between: TestAll | None = None
    after: list[Test] = []
    for annotation in _flat(annotations):
        if isinstance(annotation, _AnyNumber):
            between = _all(annotation.element)
        else:
            (before if between is None else after).append(check_of(annotation).test)
    fixed = len(before) + len(after)

    def test(value: Any) -> bool:
        if not isinstance(value, tuple):
            return False
        elements = cast(tuple[object, ...], value)
        if (between is None and len(elements) != fixed) or len(elements) < fixed:
            return False
        end = len(elements) - len(after)
        return (
            all(map(_passes, before, elements))
            and all(map(_passes, after, elements[end:]))
            and (between is None or between(elements[len(before) : end]))
        )

    return Check(_NONE, test)


class _AnyNumber(NamedTuple):
    """Stands for any number of elements."""

    element: Any


def _flat(annotations: Iterable[Any]) -> Iterator[Any]:
    """Without unpacked tuples among them: `int, *tuple[str, ...]`."""
    for annotation in annotations:
        unpacked = get_args(annotation)[0] if get_origin(annotation) is Unpack else annotation
        inner = get_args(unpacked)
        if unpacked is annotation and not getattr(annotation, "__unpacked__", False):
            yield annotation
        elif get_origin(unpacked) is not tuple:  # a TypeVarTuple; the class knows nothing of what it stands for
            yield _AnyNumber(Any)
        elif inner[-1:] == (Ellipsis,):
            yield _AnyNumber(inner[0])
        else:
            yield from _flat(inner)


def _passes(test: Test, value: object) -> bool:
    return test(value)


def _pairs(origin: type, keys: TestAll, values: TestAll) -> Check:
    def test(value: Any) -> bool:
        return isinstance(value, origin) and keys(value) and values(value.values())

    return Check(_NONE, test)


def _items(origin: type, items: TestAll) -> Check:
    def test(value: Any) -> bool:
        return isinstance(value, origin) and items(value)

    return Check(_NONE, test)


def _all(annotation: Any) -> TestAll:
    exact, test = check_of(annotation)

    def all_fit(values: Collection[object]) -> bool:
        return exact.issuperset(map(type, values)) or all(map(test, values))

    return all_fit
