"""What beat asks to be forgotten is what the settings say, and nothing else."""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime, timedelta

import pytest
from celery import current_app
from django.db import transaction
from pytest_django import Settings

from fksbridge.schedule import BEAT_SCHEDULE
from fksbridge.tasks import forget_old
from market import adopt, partitions
from tests.market.conftest import Terminal
from verification.models import DeviationPoint

pytestmark = pytest.mark.django_db(transaction=True)


def test_every_task_that_beat_asks_for_exists() -> None:
    current_app.loader.import_default_modules()
    asked = {entry["task"] for entry in BEAT_SCHEDULE.values()}
    assert asked <= set(current_app.tasks)
    assert len(asked) == 5


@pytest.fixture
def days() -> list[date]:
    """A day that is long over, and today; both with a partition."""
    found = [date(2014, 5, 2), datetime.now(UTC).date()]
    with transaction.atomic():
        partitions.tables_for(dict.fromkeys(found, partitions.ENOUGH_TICKS))
    return found


def test_nothing_is_forgotten_unless_it_is_asked_for(days: list[date]) -> None:
    forget_old()
    assert partitions.existing() == days


def test_days_past_their_time_go(days: list[date], settings: Settings) -> None:
    settings.FKS = dataclasses.replace(settings.FKS, tick_retention_days=30)
    forget_old()
    assert partitions.existing() == days[1:]


def test_deviations_past_their_time_go_feed_by_feed(settings: Settings) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    ages = [timedelta(days=age) for age in (0, 6, 8, 400)]
    batch = Terminal("OANDA").ticks("EURUSD", [1.1])
    with transaction.atomic():
        (feed_id,) = adopt.feeds_for(batch)
    for age in ages:
        DeviationPoint.objects.create(
            feed_id=feed_id, second=now - age, deviation=0.0, consensus=1.1, peers=1
        )
    settings.FKS = dataclasses.replace(settings.FKS, deviation_retention_days=7)
    forget_old()
    left = DeviationPoint.objects.order_by("-second").values_list("second", flat=True)
    assert list(left) == [now - age for age in ages[:2]]
