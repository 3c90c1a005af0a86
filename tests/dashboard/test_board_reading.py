"""The board as the page first shows it, before anything live arrives."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from dashboard.reading import alerts
from dashboard.reading.board import SPARK_POINTS, board, deviation_sparks
from tests.dashboard import world
from verification.models import RuleSetting, Silence

pytestmark = pytest.mark.django_db


def test_an_instrument_is_a_row_and_a_client_a_column() -> None:
    world.feed("ICM-LIVE", "EURUSD")
    world.feed("OANDA", "EURUSD")
    world.feed("OANDA", "BTCUSD")
    shown = board()
    assert [column.client.name for column in shown.columns] == ["ICM-LIVE", "OANDA"]
    rows = {row.instrument.symbol: row for row in shown.rows}
    assert list(rows) == ["EURUSD", "BTCUSD"]
    assert rows["BTCUSD"].cells[0] is None
    assert rows["BTCUSD"].cells[1] is not None


def test_a_client_that_quotes_an_instrument_twice_has_two_columns() -> None:
    world.feed("ICM-LIVE", "EURUSD")
    world.feed("ICM-LIVE", "EURUSD", terminal_symbol="EURUSD.raw")
    shown = board()
    assert [(column.client.name, column.nth) for column in shown.columns] == [
        ("ICM-LIVE", 0),
        ("ICM-LIVE", 1),
    ]
    assert all(shown.rows[0].cells)


def test_two_ticking_feeds_without_alert_are_verified() -> None:
    world.feed("ICM-LIVE", "BTCUSD")
    world.feed("OANDA", "BTCUSD")
    assert board().rows[0].state == "verified"
    assert board().verified == 2


def test_a_feed_without_another_to_compare_with_is_not_called_verified() -> None:
    world.feed("ICM-LIVE", "BTCUSD")
    assert board().rows[0].state == "alone"


def test_a_feed_that_has_not_ticked_for_long_is_silent_not_verified() -> None:
    world.feed("ICM-LIVE", "BTCUSD", age_s=60)
    world.feed("OANDA", "BTCUSD")
    cells = [cell for cell in board().rows[0].cells if cell]
    assert [(cell.state, cell.fresh) for cell in cells] == [("stale", "stale"), ("alone", "live")]


def test_an_open_alert_decides_the_state_of_its_feed_and_row() -> None:
    off = world.feed("ICM-LIVE", "BTCUSD")
    world.feed("OANDA", "BTCUSD")
    world.alert(off, severity="act")
    shown = board()
    assert shown.rows[0].state == "act"
    assert (shown.verified, shown.looking, shown.acting) == (1, 0, 1)
    assert [column.state for column in shown.columns] == ["act", "off"]


def test_an_alert_about_a_client_is_about_each_of_its_feeds() -> None:
    off = world.feed("ICM-LIVE", "BTCUSD")
    world.feed("ICM-LIVE", "EURUSD")
    world.feed("OANDA", "BTCUSD")
    world.alert(off, rule="clock", severity="look", feed=None, instrument=None)
    shown = board()
    assert (shown.verified, shown.looking, shown.acting) == (1, 2, 0)
    assert [column.state for column in shown.columns] == ["look", "off"]
    assert [row.state for row in shown.rows] == ["alone", "verified"]


def test_only_a_price_that_is_off_is_coloured_whatever_else_its_feed_calls_for() -> None:
    feed = world.feed("ICM-LIVE", "EURUSD")
    world.feed("OANDA", "EURUSD")
    world.alert(feed, rule="clock")
    point = world.deviation(feed, 0.3, timezone.now())
    assert [cell.is_off for cell in board().rows[0].cells if cell] == [False, False]
    point.deviation = -3.1 * feed.instrument.pip_size
    point.save()
    assert [cell.is_off for cell in board().rows[0].cells if cell] == [True, False]


def test_a_feed_that_never_quoted_is_no_part_of_the_board_but_of_the_instruments() -> None:
    silent = world.feed("TV-ALERTS", "EURUSD")
    silent.state.delete()
    assert board().rows == []
    assert [row.instrument.symbol for row in board(quoted_only=False).rows] == ["EURUSD"]


def test_a_resolved_alert_no_longer_colours_anything() -> None:
    off = world.feed("ICM-LIVE", "BTCUSD")
    world.feed("OANDA", "BTCUSD")
    world.alert(off, resolved_at=timezone.now())
    assert board().rows[0].state == "verified"


def test_a_column_says_whether_its_client_is_connected() -> None:
    world.feed("ICM-LIVE", "BTCUSD")
    world.feed("OANDA", "BTCUSD")
    world.connected("OANDA")
    assert [column.state for column in board().columns] == ["off", "verified"]


def test_the_largest_deviation_is_the_furthest_feeds_whatever_its_side() -> None:
    now = timezone.now()
    world.deviation(world.feed("ICM-LIVE", "EURUSD"), 0.4, now)
    world.deviation(world.feed("OANDA", "EURUSD"), -1.3, now)
    assert board().rows[0].largest == pytest.approx(1.3)


def test_a_deviation_of_long_ago_is_not_shown_as_the_present_one() -> None:
    world.deviation(world.feed("ICM-LIVE", "EURUSD"), 5.0, timezone.now() - timedelta(minutes=1))
    assert board().rows[0].largest is None


def test_the_threshold_is_in_pips_also_where_the_rule_is_in_basis_points() -> None:
    world.feed("ICM-LIVE", "EURUSD")
    world.feed("ICM-LIVE", "BTCUSD", bid=60_000.0, ask=60_000.0)
    thresholds = {row.instrument.symbol: row.threshold for row in board().rows}
    assert thresholds == {"EURUSD": 1.0, "BTCUSD": pytest.approx(600.0)}  # 10 bps of 60000 by 0.1


def test_the_threshold_follows_the_rule_of_the_instrument() -> None:
    feed = world.feed("ICM-LIVE", "EURUSD")
    RuleSetting.objects.create(
        rule="deviation",
        instrument=feed.instrument,
        parameters={"threshold_pips": 2.5},
        updated_at=timezone.now(),
    )
    assert board().rows[0].threshold == 2.5


def test_a_spark_holds_the_worst_of_each_quarter_minute_and_nothing_where_nothing_was() -> None:
    feed = world.feed("ICM-LIVE", "EURUSD")
    start = timezone.now().replace(second=0, microsecond=0) - timedelta(minutes=5)
    world.deviation(feed, 0.2, start)
    world.deviation(feed, -0.9, start + timedelta(seconds=5))
    spark = deviation_sparks(start + timedelta(seconds=20))[feed.instrument.pk]
    assert len(spark) == SPARK_POINTS
    assert spark[-2:] == [0.9, None]
    assert [value for value in spark if value is not None] == [0.9]


def test_the_board_takes_the_same_queries_whatever_its_size(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    world.feed("ICM-LIVE", "EURUSD")
    with django_assert_num_queries(6):
        board()
    for name in ("OANDA", "FTMO", "CQG"):
        for symbol in ("EURUSD", "USDJPY", "BTCUSD"):
            world.feed(name, symbol)
    with django_assert_num_queries(6):
        board()


def test_alerts_that_call_come_first_and_the_worst_of_them_before_the_rest() -> None:
    feed = world.feed("ICM-LIVE", "BTCUSD")
    now = timezone.now()
    old = now - timedelta(minutes=9)
    resolved = world.alert(feed, resolved_at=now)
    taken = world.alert(feed, acknowledged_at=now)
    look = world.alert(feed, severity="look", opened_at=now)
    act = world.alert(feed, severity="act", opened_at=old)
    found = [view.alert for view in alerts.newest(now)]
    assert found == [act, look, taken, resolved]


def test_an_alert_that_closed_over_an_hour_ago_is_history() -> None:
    feed = world.feed("ICM-LIVE", "BTCUSD")
    now = timezone.now()
    world.alert(feed, resolved_at=now - timedelta(hours=2))
    assert alerts.newest(now) == []


def test_a_silenced_alert_says_so_and_a_lifted_silence_does_not_count() -> None:
    feed = world.feed("ICM-LIVE", "BTCUSD")
    now = timezone.now()
    quiet, loud = world.alert(feed), world.alert(feed)
    for alert, ended in ((quiet, None), (loud, now)):
        Silence.objects.create(
            fingerprint=alert.fingerprint,
            until=now + timedelta(hours=1),
            reason="maintenance",
            created_at=now,
            ended_at=ended,
        )
    assert {view.alert: view.is_silenced for view in alerts.newest(now)} == {
        quiet: True,
        loud: False,
    }


def test_open_alerts_are_counted_at_each_moment_of_the_past() -> None:
    feed = world.feed("ICM-LIVE", "BTCUSD")
    now = timezone.now()
    world.alert(feed, opened_at=now - timedelta(minutes=6))
    world.alert(feed, opened_at=now - timedelta(minutes=11), resolved_at=now - timedelta(minutes=4))
    assert alerts.open_history(now, timedelta(minutes=15), 4) == [0, 1, 2, 1]
