"""Work in threads: results in order, chunks that end together, an end when a look says so."""

from threading import Event

import pytest

from gradus.data.ordered import in_order


def nobody():
    return None


@pytest.mark.parametrize("count", [0, 1, 5, 64, 1000])
@pytest.mark.parametrize("threads", [1, 2, 7])
def test_all_entries_come_in_order_in_chunks_that_shrink_at_the_end(count, threads):
    done = list(in_order(lambda part, _: list(part), range(count), 20, nobody, threads))
    assert [entry for part in done for entry in part] == list(range(count))
    sizes = [len(part) for part in done]
    assert sizes == sorted(sizes, reverse=True)
    left = count
    for size in sizes:  # as one thread begins the last chunk of that size, the others have no more than it has left
        assert 1 <= size <= 20 and (size == 1 or size * threads <= left)
        left -= size


def test_a_look_ends_the_work_and_halts_what_runs():
    halts: list[Event] = []

    def wait(part, halt):
        halts.append(halt)
        assert halt.wait(10)
        return part

    def look():
        if halts:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        list(in_order(wait, range(100), 5, look, 2))
    assert halts[0].is_set()


def test_in_one_thread_a_look_ends_the_work_within_a_chunk():
    begun: list[int] = []

    def count(part, halt):
        for each in part:
            if halt.is_set():
                break
            begun.append(each)
        return part

    def look():
        if len(begun) == 3:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        list(in_order(count, range(100), 50, look, 1))
    assert begun == [0, 1, 2]
