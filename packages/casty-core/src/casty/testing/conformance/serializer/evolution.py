"""Values stored by one release are read by later ones, or refused if they cannot be understood."""

from typing import Any

from casty.testing.conformance.serializer.program import Program
from casty.testing.conformance.serializer.registry import Checks, Create

check = Checks()


@check
def a_field_that_was_added_takes_its_default(create: Create) -> None:
    program = Program(create)
    stored = program.store(program.release(a=int)(1))
    program.expect(stored, program.release(a=int, b=(int, 7))(1, 7))


@check
def a_field_that_is_not_known_is_ignored(create: Create) -> None:
    """It was removed, or a newer release that added it was rolled back."""
    program = Program(create)
    stored = program.store(program.release(a=int, b=list[int], c=str)(1, [2], "x"))
    program.expect(stored, program.release(a=int, c=str)(1, "x"))


@check
def fields_may_change_places(create: Create) -> None:
    program = Program(create)
    stored = program.store(program.release(a=int, b=int)(1, 2))
    program.expect(stored, program.release(b=int, a=int)(2, 1))


@check
def a_missing_field_is_refused(create: Create) -> None:
    program = Program(create)
    stored = program.store(program.release(a=int)(1))
    program.release(a=int, wanted=int)
    program.expect_refusal("a field without a default that was not stored", stored, "wanted")


@check
def a_field_of_another_type_is_refused(create: Create) -> None:
    hints: tuple[Any, ...] = (str, list[int], tuple[str, ...], float | None)
    for hint in hints:
        program = Program(create)
        stored = program.store(program.release(wanted=list[str])(["x"]))
        program.release(wanted=hint)
        program.expect_refusal(f"a list of text for {hint}", stored, "wanted")


@check
def what_the_type_itself_refuses_is_refused(create: Create) -> None:
    program = Program(create)
    kind = program.release(a=int)
    stored = program.store(kind(1))

    def refuse(self: object) -> None:
        raise ZeroDivisionError

    kind.__init__ = lambda self, **fields: refuse(self)  # pyright: ignore
    program.expect_refusal("a constructor that raises", stored)


@check
def a_newer_version_is_refused(create: Create) -> None:
    """An older program cannot know what it means."""
    program = Program(create)
    stored = program.store(program.release(3, a=int)(1))
    program.release(2, a=int)
    program.expect_refusal("a newer version", stored, program.name, "3", "2")


@check
def an_older_version_is_not_taken_for_todays(create: Create) -> None:
    """Equal fields need not mean the same."""
    program = Program(create)
    stored = program.store(program.release(1, a=int)(1))
    program.release(2, a=int)
    program.expect_refusal("an older version without an upcaster", stored, program.name, "1", "2")
