"""Values of older versions go through the upcasters."""

from collections.abc import Callable

from casty.errors import SerializationError
from casty.serialization import upcast
from casty.testing.conformance.expectations import expect_equal
from casty.testing.conformance.serializer.expectations import expect_refused
from casty.testing.conformance.serializer.program import Program
from casty.testing.conformance.serializer.registry import Checks, Create

type Fields = dict[str, object]

check = Checks(lambda capabilities: capabilities.upcasting)


def same(fields: Fields) -> Fields:
    return fields


def renaming(old: str, new: str) -> Callable[[Fields], Fields]:
    def rename(fields: Fields) -> Fields:
        return {new: fields[old]}

    return rename


@check
def upcasters_are_taken_in_turn(create: Create) -> None:
    """From the stored version to today's, and none for today's version."""
    program = Program(create)
    first = program.store(program.release(1, a=int)(1))
    second = program.store(program.release(2, b=str)("2"))
    kind = program.release(3, c=tuple[str, ...])

    def from_1(fields: Fields) -> Fields:
        return {"b": f"{fields['a']} from 1"}

    def from_2(fields: Fields) -> Fields:
        return {"c": (fields["b"], "from 2")}

    upcast(program.name, 2)(from_2)
    upcast(program.name, 1)(from_1)
    program.expect(first, kind(("1 from 1", "from 2")))
    program.expect(second, kind(("2", "from 2")))
    program.expect(program.store(kind(("3",))), kind(("3",)))


@check
def a_gap_between_upcasters_is_named(create: Create) -> None:
    program = Program(create)
    stored = program.store(program.release(1, a=int)(1))
    program.release(4, a=int)
    for version in (1, 3):
        upcast(program.name, version)(same)
    program.expect_refusal("no way from version 2 to 3", stored, program.name, "1", "2", "4")


@check
def a_circle_of_upcasters_is_refused(create: Create) -> None:
    """When it would be closed; stored values are read as before."""
    old, new = Program(create), Program(create)
    stored = old.store(old.release(1, a=int)(1))
    old.retire(2)
    kind = new.release(3, a=int)
    upcast(old.name, 1, to=(new.name, 1))(same)
    upcast(new.name, 1)(same)
    expect_refused(
        "the step that closes the circle",
        SerializationError,
        lambda: upcast(new.name, 2, to=(old.name, 1))(same),
    )
    upcast(new.name, 2)(same)
    new.expect(stored, kind(1))


@check
def a_renamed_type_is_read_under_its_new_name(create: Create) -> None:
    old, new = Program(create), Program(create)
    stored = old.store(old.release(7, a=int)(1))
    old.retire(8)
    kind = new.release(3, b=int)
    upcast(old.name, 7, to=(new.name, 2))(renaming("a", "x"))
    upcast(new.name, 2)(renaming("x", "b"))
    new.expect(stored, kind(1))


@check
def nested_types_are_upcast_first(create: Create) -> None:
    """In fields and in containers; the upcaster of the outer value sees today's inner values."""
    inner, outer = Program(create), Program(create)
    stored = outer.store(outer.release(1, parts=list[object])([{"key": inner.release(1, a=int)(1)}]))
    part, whole = inner.release(2, b=int), outer.release(2, first=object)
    seen: list[object] = []

    def to_first(fields: Fields) -> Fields:
        seen.append(fields)
        return {"first": part(5)}

    upcast(inner.name, 1)(renaming("a", "b"))
    upcast(outer.name, 1)(to_first)
    outer.expect(stored, whole(part(5)))
    expect_equal("what the upcaster was given", seen[0], {"parts": [{"key": part(1)}]})


@check
def renamed_members_of_an_enum_are_upcast(create: Create) -> None:
    program = Program(create)
    stored = program.store(program.release_enum(1, "RED", "BLUE").BLUE)
    kind = program.release_enum(2, "CRIMSON", "NAVY")

    def renamed(member: str) -> str:
        return {"RED": "CRIMSON", "BLUE": "NAVY"}[member]

    upcast(program.name, 1)(renamed)
    program.expect(stored, kind.NAVY)


@check
def an_upcaster_that_fails_is_named(create: Create) -> None:
    """Whether it raises, returns no fields, or fields that do not fit."""

    def raising(fields: Fields) -> Fields:
        raise ZeroDivisionError

    def returning_nothing(fields: Fields) -> Fields:
        return None  # pyright: ignore[reportReturnType]  # this is what is checked

    def misfitting(fields: Fields) -> Fields:
        return {"a": "text"}

    for function in (raising, returning_nothing, misfitting):
        program = Program(create)
        stored = program.store(program.release(1, a=int)(1))
        program.release(2, a=int)
        upcast(program.name, 1)(function)
        program.expect_refusal(f"an upcaster, {function.__name__}", stored, function.__name__)
