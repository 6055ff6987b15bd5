"""Short ways to write histories down, and a checker that is too slow to be wrong."""

from collections.abc import Hashable, Sequence
from itertools import permutations
from random import Random

from casty.testing.linearizability import UNKNOWN, Model, Operation


def op(invoked: float, returned: float, call: tuple[object, ...], result: object = None) -> Operation:
    return Operation(process="p", call=call, invoked=invoked, returned=returned, result=result)


def lost(invoked: float, *call: object) -> Operation:
    """One whose outcome no caller knows."""
    return Operation(process="p", call=call, invoked=invoked)


def possible[S: Hashable](history: Sequence[Operation], model: Model[S]) -> bool:
    """Whether any order of the operations, with any of the unknown ones left out, respects time and the model."""
    known = [operation for operation in history if operation.result is not UNKNOWN]
    unknown = [operation for operation in history if operation.result is UNKNOWN]
    return any(
        respects_time(order) and allowed(order, model)
        for chosen in range(2 ** len(unknown))
        for order in permutations(known + [one for bit, one in enumerate(unknown) if chosen >> bit & 1])
    )


def respects_time(order: Sequence[Operation]) -> bool:
    return all(later.returned >= earlier.invoked for place, earlier in enumerate(order) for later in order[place + 1 :])


def allowed[S: Hashable](order: Sequence[Operation], model: Model[S]) -> bool:
    states = {model.initial()}
    for operation in order:
        states = {after for state in states for after in model.step(state, operation.call, operation.result)}
    return bool(states)


def random_history(random: Random, calls: Sequence[tuple[tuple[object, ...], Sequence[object]]]) -> list[Operation]:
    """Up to six operations with results of their kind, which may or may not be possible together."""
    history: list[Operation] = []
    for _ in range(random.randint(1, 6)):
        call, results = random.choice(calls)
        invoked = random.randint(0, 8)
        if random.random() < 0.2:
            history.append(lost(invoked, *call))
        else:
            history.append(op(invoked, invoked + random.randint(0, 4), call, random.choice(results)))
    return history
