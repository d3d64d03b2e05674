import itertools

import pytest

from tests.servers.wait import until


async def test_the_first_truthy_value_is_the_answer() -> None:
    numbers = itertools.count()
    assert await until(lambda: next(numbers), what="a number") == 1

    async def even_later() -> int | None:
        number = next(numbers)
        return number if number > 4 else None

    assert await until(even_later, what="a number over 4") == 5


async def test_what_did_not_happen_is_said() -> None:
    with pytest.raises(AssertionError, match=r"not within 0.05 s: a delivery \(last seen: \[\]\)"):
        await until(list, what="a delivery", within=0.05)


async def test_an_error_of_the_condition_goes_through() -> None:
    async def fails() -> bool:
        raise TimeoutError("the condition's own")

    with pytest.raises(TimeoutError, match="the condition's own"):
        await until(fails, what="anything")
