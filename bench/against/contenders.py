"""One fleet and one request, answered by Berth in each of its ways and by the second opinions, their CPU timed."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from bench.against.plain import bodies_best
from bench.against.results import AGAIN, BODIES, CLAIM, FIRST, NUMPY, READ
from bench.classes import Classes
from bench.floors import as_words, columns_scanned, numpy_weights, read_words
from bench.nova.asking import NovaRound
from bench.nova.fleets import Content
from bench.workloads import SEED
from engine.inventory.table import HostTable
from engine.inventory.usage import assigned_amounts, flavor_amounts
from engine.scheduler.chain import Chain
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.select import Selector
from engine.scheduler.static_mask import text_mask
from tests.oracle.build import build_request, build_table, microseconds

AGAIN_A_ROUND = 20
CLAIMS = 1024
READS = 20
_WEIGHT_TOLERANCE = 1e-9


class DisagreementError(Exception):
    """Two contenders chose differently: nothing that they took may be compared."""


def choice_of(case: Content) -> tuple[Chain, HostTable]:
    """Return the chain and the hosts of a case, the services' states those of its time."""
    table = build_table(case)
    table.refresh_services(microseconds(case["now"]), 60_000_000)
    filters = tuple(case["config"]["filter_scheduler"]["enabled_filters"])
    return Chain.from_options(SchedulerOptions(enabled_filters=filters, placement_filters=())), table


@dataclass
class Contest:
    """Berth and the second opinions on one case; every answer is held against nova's."""

    case: Content
    nova: NovaRound
    seconds: dict[str, list[float]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self.chain, self.table = choice_of(self.case)
        self.request = build_request(self.case)
        self.amounts = flavor_amounts(self.request.flavor)
        self.has_class = self.chain.has_class(self.request)
        self.selector = self._fresh()

    def round(self, *, bodies: bool, numpy: bool) -> None:
        """Time each contender once more; ``bodies`` and ``numpy`` say whether those take part."""
        self.selector = self._fresh()
        self._select(FIRST)
        for _ in range(AGAIN_A_ROUND):
            self._select(AGAIN)
        if self.has_class:
            self._claim()
            self._read()
            if bodies:
                self._bodies()
            if numpy:
                self._numpy()

    def _fresh(self) -> Selector:
        """Return a selector that knows nothing of the hosts or of the request, its kernels loaded."""
        selector = Selector(self.table, self.chain, random.Random(SEED))
        selector.warm()
        return selector

    def _timed(self, contender: str, work: Callable[[], object], *, times: int = 1) -> None:
        began = time.thread_time()
        work()
        self.seconds.setdefault(contender, []).append((time.thread_time() - began) / times)

    def _select(self, contender: str) -> None:
        """Let Berth select and claim, and give back what it took."""
        answers = []
        self._timed(contender, lambda: answers.extend(self.selector.select(self.request)))
        (answer,) = answers
        self._check(contender, answer.row, answer.weight)
        ranks = zip(self.nova.best[1:], answer.alternates, answer.alternate_weights, strict=False)
        for (row, weight), alternate, alternate_weight in ranks:
            self._same(contender, (row, weight), (alternate, alternate_weight))
        uuid = self.case["hosts"][answer.row]["uuid"]
        taken = assigned_amounts(self.amounts, answer.assignment, uuid)
        self.table.apply(answer.row, -1, taken, answer.assignment)

    def _claim(self) -> None:
        """Let Berth decide and claim many times over in one batch, and give everything back."""
        classes = Classes(self.selector, [self.request.flavor])
        slots, shapes = (np.repeat(one, CLAIMS) for one in classes.slots())
        views = self.selector.views
        views.place(slots[:1], shapes[:1], claim=False)
        placed = []
        self._timed(CLAIM, lambda: placed.append(views.place(slots, shapes, claim=True)), times=CLAIMS)
        rows = placed[0].rows[:, 0]
        for row in rows.tolist():
            self.table.apply(row, -1, self.amounts)
        self._check(CLAIM, int(rows[0]), float(placed[0].weights[0, 0]))

    def _read(self) -> None:
        """Read the columns that the chain reads, and do nothing with them."""
        words = as_words(self.table.columns, columns_scanned(self.chain))
        read_words(words)

        def read() -> None:
            for _ in range(READS):
                read_words(words)

        self._timed(READ, read, times=READS)

    def _bodies(self) -> None:
        found = []
        self._timed(BODIES, lambda: found.append(bodies_best(self.table, self.chain, self.request, self.amounts)))
        self._check(BODIES, found[0].row, found[0].weight, found[0].survivors)

    def _numpy(self) -> None:
        """Filter by the service's state and a kept mask of the text filters, weigh, and take the best."""
        columns, options = self.table.columns, self.chain.options
        text = text_mask(self.chain.applies(self.request), self.table, self.request, options).astype(np.bool_)
        found = []

        def best() -> None:
            mask = (columns["present"] != 0) & (columns["service_up"] != 0) & text
            weights = numpy_weights(columns, mask, options)
            row = int(np.argmax(weights))
            found.append((row, float(weights[row]), int(mask.sum())))

        self._timed(NUMPY, best)
        self._check(NUMPY, *found[0])

    def _check(self, contender: str, row: int, weight: float, survivors: int | None = None) -> None:
        self._same(contender, self.nova.best[0], (row, weight))
        if survivors is not None and survivors != self.nova.passing:
            raise DisagreementError(f"{contender} lets {survivors} hosts pass where nova lets {self.nova.passing}")

    def _same(self, contender: str, nova: tuple[int, float], ours: tuple[int, float]) -> None:
        if nova[0] != ours[0] or abs(nova[1] - ours[1]) > _WEIGHT_TOLERANCE * max(1.0, abs(nova[1])):
            raise DisagreementError(f"on {len(self.case['hosts'])} hosts nova chooses {nova}, {contender} {ours}")
