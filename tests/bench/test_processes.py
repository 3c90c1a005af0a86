"""Whose a process is, and what it used between two looks."""

from __future__ import annotations

import os

import pytest

from bench.processes import Usage, busy_s, cores, memory_mb, name_of, usage
from fksbridge.config import read_config
from fksbridge.supervisor import plan


def test_every_process_of_a_bridge_is_named() -> None:
    config = read_config({})
    tiers = [*plan.storage(config), *plan.bridge(config)]
    named = {service.name: name_of(service.command) for tier in tiers for service in tier.services}
    assert named == {
        "postgres": "postgres",
        "redis": "redis",
        "worker.0": "worker.shards",
        "worker.1": "worker.shards",
        "worker.strategies": "worker.strategies",
        "worker.default": "worker.default",
        "web": "web",
        "gateway": "gateway",
        "beat": "beat",
    }


def test_cores_are_processor_seconds_in_a_second() -> None:
    before = {"web": Usage(1.0, 10), "redis": Usage(5.0, 20)}
    after = {"web": Usage(3.0, 10), "redis": Usage(5.5, 30)}
    assert cores(before, after, 4.0) == {"redis": 0.125, "web": 0.5}
    assert memory_mb(after, "web", "redis", "gateway") == 40


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_children_of_a_process_are_looked_at() -> None:
    assert set(usage(os.getpid())) <= {"other", "postgres", "redis"}
    assert busy_s() > 0
