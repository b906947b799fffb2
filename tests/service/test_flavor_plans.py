"""Plans of flavors: kept while nothing changes that they depend on."""

from __future__ import annotations

import random

import numpy as np

from engine.inventory.table import HostTable
from engine.model.flavor import Flavor
from engine.model.request_spec import RequestSpec
from engine.scheduler.chain import Chain
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.select import Selector
from engine.service.book import AllocationBook, shape_amounts
from engine.service.flavor_plans import FlavorPlans


def plans() -> FlavorPlans:
    selector = Selector(HostTable(), Chain.from_options(SchedulerOptions()), random.Random(1))
    return FlavorPlans(selector, AllocationBook())


def request(name: str, **sizes: int) -> RequestSpec:
    return RequestSpec(flavor=Flavor(name=name, **{"vcpus": 1, "memory_mb": 512, "root_gb": 1, **sizes}))


def test_a_plan_says_what_a_request_takes_in_the_book_and_in_the_views():
    made = plans()
    small, large = made.of([request("small"), request("large", vcpus=8)])
    assert (small.amounts.flavor_vcpus, large.amounts.flavor_vcpus) == (1, 8)
    assert [shape_amounts(made.book.shapes[plan.shape]) for plan in (small, large)] == [small.amounts, large.amounts]
    assert small.has_view
    assert small.class_key != large.class_key
    codes = np.array([large.shape, small.shape, large.shape])
    assert made.view_shapes(codes).tolist() == [large.view_shape, small.view_shape, large.view_shape]
    assert made.view_shapes(codes[:0]).tolist() == []


def test_a_plan_is_kept_until_facts_change():
    made = plans()
    wanted = request("small")
    (first,) = made.of([wanted])
    assert made.of([wanted, wanted]) == [first, first]
    assert made.of([wanted])[0] is first
    made.selector.table.facts_revision += 1
    (later,) = made.of([wanted])
    assert later is not first
    assert later.shape == first.shape


def test_shapes_that_come_later_have_their_codes_in_the_views_too():
    made = plans()
    (small,) = made.of([request("small")])
    assert made.view_shapes(np.array([small.shape])).tolist() == [small.view_shape]
    (large,) = made.of([request("large", vcpus=3)])
    assert made.view_shapes(np.array([large.shape, small.shape])).tolist() == [large.view_shape, small.view_shape]
