"""Drawing ahead of whoever writes, and telling how far it is."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

S = TypeVar("S")
T = TypeVar("T")
Progress = Callable[[int], None]  # called with how many more rows (or frames) are done


def drawn_ahead(make: Callable[[S], T], items: Iterable[S], ahead: int = 2) -> Iterator[T]:
    """make(item) for every item, in order, made by another thread while the caller uses the ones before."""
    worker = ThreadPoolExecutor(1, thread_name_prefix="draw")
    try:
        waiting: deque[Future[T]] = deque()
        for item in items:
            waiting.append(worker.submit(make, item))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        worker.shutdown(cancel_futures=True)
