"""Ids of channels and the sets that hang together: a union-find (Tarjan 1975) over integers.

A set is known by its least id, the root; joining two sets makes one of them, and the set of `FIXED` cannot leave.
"""

import numpy as np

from tfopt.typing import Array

FIXED = 0  # the id of all channels that cannot leave: those of inputs, outputs and whatever cannot be followed


class UnionFind:
    """Makes ids and joins them; whatever is joined with `FIXED` stays.

    >>> ids = UnionFind()
    >>> one, other = ids.new(3), ids.new(3)
    >>> ids.join(one, other)
    >>> ids.freeze(other[:1], "it is an output")
    >>> ids.roots()
    array([0, 0, 2, 3, 0, 2, 3])
    """

    def __init__(self) -> None:
        self._parents = [FIXED]
        self.reasons: dict[int, str] = {}

    def new(self, count: int) -> Array:
        """Make new ids (count,)."""
        first = len(self._parents)
        self._parents.extend(range(first, first + count))
        return np.arange(first, first + count)

    def join(self, one: Array, other: Array) -> None:
        """Let each id of `one` leave only together with that of `other` (both of one shape)."""
        for left, right in zip(one.ravel().tolist(), other.ravel().tolist(), strict=True):
            roots = self._root(left), self._root(right)
            if FIXED in roots and roots[0] != roots[1]:
                self.reasons.setdefault(right if roots[0] == FIXED else left, "they meet channels that stay")
            self._parents[max(roots)] = min(roots)

    def freeze(self, ids: Array, reason: str) -> None:
        """Let ids (n,) stay, for a reason."""
        for one in ids.ravel().tolist():
            self.reasons.setdefault(one, reason)
        self.join(ids, np.full_like(ids, FIXED))

    def roots(self) -> Array:
        """Return for each id the least of those it hangs together with: `FIXED` for all that stay."""
        return np.array([self._root(index) for index in range(len(self._parents))])

    def _root(self, index: int) -> int:
        parents = self._parents
        while parents[index] != index:
            parents[index] = parents[parents[index]]
            index = parents[index]
        return index
