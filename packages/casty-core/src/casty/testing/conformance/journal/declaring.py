"""The provider's capabilities match those of the open store and its methods: the runtime uses both."""

from dataclasses import fields

from casty.spi.journal import JournalCapabilities, JournalKind
from casty.testing.conformance.expectations import expect
from casty.testing.conformance.journal.expectations import expect_equal
from casty.testing.conformance.journal.registry import Declared, OpenStore

check = Declared()

METHODS = {
    "fencing": ("claim",),
    "ordered": ("read", "highest_offset", "entity_ids"),
    "deleting": ("delete_events",),
}
"""The protocol required by each capability."""


@check
async def the_store_says_what_its_provider_declares(open_store: OpenStore, declared: JournalCapabilities) -> None:
    async with open_store() as store:
        for field in fields(declared):
            what = f"the capability {field.name!r} of the open store, as its provider declares it"
            expect_equal(what, getattr(store.capabilities, field.name), getattr(declared, field.name))


@check
async def the_store_has_the_methods_of_its_abilities(open_store: OpenStore, declared: JournalCapabilities) -> None:
    async with open_store() as store:
        for ability, methods in METHODS.items():
            missing = [name for name in methods if not callable(getattr(store, name, None))]
            expect(
                not (getattr(declared, ability) and missing),
                f"{ability!r} is declared, but {type(store).__name__} has no method {missing[:1]}",
            )


@check
async def capabilities_have_the_types_that_they_must_have(open_store: OpenStore, declared: JournalCapabilities) -> None:
    for field in fields(declared):
        value = getattr(declared, field.name)
        wanted = {"kind": JournalKind, "concurrent_appends": int}.get(field.name, bool)
        expect(type(value) is wanted, f"the capability {field.name!r} is {value!r}; wanted a {wanted.__name__}")
    expect(
        declared.concurrent_appends >= 1, f"concurrent_appends is {declared.concurrent_appends}; 1 or more is wanted"
    )
