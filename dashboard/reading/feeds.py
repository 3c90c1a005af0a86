"""Every feed with its last quote, its deviation and its state, as of now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F, Max
from django.utils import timezone

from bridge_ingest.clock import to_us
from bridge_ingest.models import Client
from dashboard import states
from market import sessions
from market.models import Feed, FeedState, Instrument, TerminalBar
from verification.models import Alert, DeviationPoint, RuleSetting, Severity
from verification.parameters import DeviationParameters, RuleBook, Setting
from verification.roster import PIP_KINDS

STALE_AFTER = timedelta(seconds=5)
DEVIATION_HOLDS = timedelta(seconds=10)


@dataclass(frozen=True)
class FeedView:
    """One feed as the screen shows it. `pips` is its deviation from the consensus of the others."""

    feed: Feed
    quote: FeedState | None
    pips: float | None
    state: str
    fresh: str
    own_state: str
    """Without what is said of its client as a whole."""
    threshold: float | None = None
    last_bar: datetime | None = None
    """Opening time of the last bar of a terminal that sends bars and no ticks."""

    @property
    def is_off(self) -> bool:
        """Its price is what calls; it may also call for its clock, or for silence."""
        calls = self.state in (states.LOOK, states.ACT)
        return bool(calls and self.threshold and self.pips and abs(self.pips) >= self.threshold)

    @property
    def instrument(self) -> Instrument:
        return self.feed.instrument

    @property
    def client(self) -> Client:
        return self.feed.source.client

    @property
    def word(self) -> str:
        """What stands in the place of a deviation that can't be told."""
        if self.state not in _COMPARED:
            return states.SHORT_WORDS[self.state]
        return states.STATE_WORDS[states.STALE] if self.fresh == "stale" else ""

    @property
    def spread_pips(self) -> float | None:
        if self.quote is None:
            return None
        return (self.quote.ask - self.quote.bid) / self.instrument.pip_size


_COMPARED = (states.VERIFIED, states.LOOK, states.ACT)


def feed_views(feeds: Iterable[Feed] | None = None) -> list[FeedView]:
    """All feeds, or those given (with source__client, instrument and state selected)."""
    now = timezone.now()
    chosen = list(every_feed() if feeds is None else feeds)
    alarms = Alarms()
    rules = rule_book()
    deviations = latest_deviations(now)
    fresh_feeds: dict[int, int] = defaultdict(int)
    for feed in chosen:
        fresh_feeds[feed.instrument_id] += _is_fresh(feed, now)
    last_bars = _last_bars([feed.pk for feed in chosen if quote_of(feed) is None])
    return [
        FeedView(
            feed=feed,
            quote=quote_of(feed),
            pips=deviations.get(feed.pk),
            threshold=threshold_pips(rules, feed.instrument, mid_of(feed)),
            last_bar=last_bars.get(feed.pk),
            **_standing(feed, now, alarms, fresh_feeds[feed.instrument_id]),
        )
        for feed in chosen
    ]


def _last_bars(feed_ids: list[int]) -> dict[int, datetime]:
    """Of feeds without a quote: when the last bar began that their terminal sent."""
    if not feed_ids:
        return {}
    rows = TerminalBar.objects.filter(feed__in=feed_ids).values("feed").annotate(last=Max("start"))
    return dict(rows.values_list("feed", "last"))


def every_feed() -> Iterable[Feed]:
    feeds = Feed.objects.filter(source__client__disabled_at=None)
    return feeds.select_related("source__client", "instrument", "state").order_by(
        "source__client__name", "pk"
    )


class Alarms:
    """The severities of open alerts. One about a client as a whole is about each of its feeds."""

    def __init__(self) -> None:
        self._feeds: dict[int, str] = {}
        self._clients: dict[int, str] = {}
        rows: Iterable[tuple[int, int | None, str]] = Alert.objects.filter(
            resolved_at=None
        ).values_list("client_id", "feed_id", "severity")
        for client_id, feed_id, severity in rows:
            if feed_id is None:
                self._clients[client_id] = _worse(severity, self._clients.get(client_id))
            else:
                self._feeds[feed_id] = _worse(severity, self._feeds.get(feed_id))

    def own(self, feed: Feed) -> str | None:
        """The worst open alert about this feed alone."""
        return self._feeds.get(feed.pk)

    def of(self, feed: Feed) -> str | None:
        """The worst open alert about this feed, or about its client."""
        own, shared = self.own(feed), self._clients.get(feed.source.client_id)
        return _worse(own, shared) if own else shared


def _worse(severity: str, other: str | None) -> str:
    return Severity.ACT.value if Severity.ACT in (severity, other) else severity


def latest_deviations(now: datetime) -> dict[int, float]:
    """Feed id -> deviation in pips, for feeds that were compared within the last seconds."""
    points = (
        DeviationPoint.objects.filter(second__gt=now - DEVIATION_HOLDS, second__lte=now)
        .order_by("feed_id", "-second")
        .distinct("feed_id")
        .values_list("feed_id", F("deviation") / F("feed__instrument__pip_size"))
    )
    return dict(points)


def _standing(feed: Feed, now: datetime, alarms: Alarms, fresh_feeds: int) -> dict[str, str]:
    is_open, is_fresh = sessions.is_open(feed.instrument.session, to_us(now)), _is_fresh(feed, now)
    state = _state(is_open, alarms.of(feed), is_fresh, fresh_feeds)
    own_state = _state(is_open, alarms.own(feed), is_fresh, fresh_feeds)
    fresh = "closed" if state == states.CLOSED else "live" if is_fresh else "stale"
    return {"state": state, "own_state": own_state, "fresh": fresh}


def _state(is_open: bool, alarm: str | None, is_fresh: bool, fresh_feeds: int) -> str:
    """An alert speaks first: it may be about silence, and it may be seen in a closed market."""
    if alarm:
        return alarm
    if not is_open and not is_fresh:
        return states.CLOSED
    if not is_fresh:
        return states.STALE
    return states.ALONE if fresh_feeds < 2 else states.VERIFIED


def quote_of(feed: Feed) -> FeedState | None:
    """A feed that was adopted in this second may have no state yet."""
    return getattr(feed, "state", None)


def mid_of(feed: Feed) -> float | None:
    quote = quote_of(feed)
    return (quote.bid + quote.ask) / 2 if quote else None


def _is_fresh(feed: Feed, now: datetime) -> bool:
    quote = quote_of(feed)
    return quote is not None and now - quote.received_at <= STALE_AFTER


def rule_book() -> RuleBook:
    """The rules' parameters as they are set now."""
    rows = RuleSetting.objects.values_list("rule", "instrument_id", "enabled", "parameters")
    return RuleBook(Setting(*row) for row in rows)


def threshold_pips(rules: RuleBook, instrument: Instrument, mid: float | None) -> float | None:
    """The deviation rule's threshold in pips; basis points need a price to become pips."""
    rule = rules.get(DeviationParameters, instrument.pk)
    if instrument.kind in PIP_KINDS:
        return rule.threshold_pips
    return None if mid is None else rule.threshold_bps * 1e-4 * mid / instrument.pip_size
