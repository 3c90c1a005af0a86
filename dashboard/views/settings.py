"""Settings: the rules, and what holds on this bridge."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

from django.conf import settings as django_settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.views.decorators.http import require_http_methods, require_safe

from dashboard.acting import acting_user
from dashboard.answers import changed, dialog, page, sent, wants
from dashboard.forms.rules import RuleForm
from dashboard.permissions import MATRIX, Act, act_view, requires
from dashboard.reading import rules as reading
from dashboard.reading.limits import limits_in_use
from dashboard.roles import RANKS
from market.models import Instrument
from verification.actions import set_rule
from verification.parameters import RULES, ParameterError

SECRETS = ("secret_key", "key_peppers", "zmq_secret_key", "database_url", "redis_url")
"""Settings whose values stay unseen: they open doors, or hold a password that does."""

DURABILITY_WORDS = {
    "process": "What was acknowledged survives kill -9 of any process of the bridge. It may not "
    "survive a loss of power: the last moments may still lie in the machine's memory.",
    "power": "What was acknowledged survives a loss of power too: each commit is on the disk "
    "before the terminal hears of it.",
}

MATRIX_WORDS = {
    Act.HANDLE_ALERTS: "Acknowledge, silence, note on, give away and resolve alerts",
    Act.PUSH_SIGNALS: "Push signals and let them expire",
    Act.MANAGE_CLIENTS: "Register, change and disable clients; issue, rotate and revoke keys",
    Act.IMPORT_HISTORY: "Bring in history from files, and take it out again",
    Act.SEE_KEYS: "See which keys there are",
    Act.SET_RULES: "Set the rules",
    Act.SET_STRATEGIES: "Switch strategies",
    Act.MANAGE_USERS: "Decide who may sign in, and with which role",
}


class Held(NamedTuple):
    """One setting in force, read from the environment when the process started."""

    name: str
    value: str
    default: str
    meaning: str


@require_safe
@login_required
def rules(request: HttpRequest) -> HttpResponse:
    context = {"rules": reading.rules(), "tab": "rules"}
    return page(request, "dashboard/settings/rules.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Act.SET_RULES)
def rule(request: HttpRequest, name: str) -> HttpResponse:
    """A rule for all, for the instrument that the address names, or (`?one`) for one to choose."""
    instrument = _instrument(request)
    asks = "one" in request.GET
    view = reading.rule(_known(name), instrument)
    form = RuleForm(sent(request), view=view, asks_instrument=asks)
    if request.method == "POST" and form.is_valid():
        chosen = form.cleaned_data["instrument"] if asks else instrument
        try:
            set_rule(
                name,
                chosen,
                form.parameters,
                enabled=form.cleaned_data["enabled"],
                actor=acting_user(request),
                source="page",
            )
        except ParameterError as error:
            form.add_error(None, str(error))
        else:
            return _renewed(request, f"{view.title} is set for {chosen or 'all instruments'}.")
    context = {
        "form": form,
        "title": f"{view.title}, {instrument.symbol if instrument else 'all instruments'}"
        if not asks
        else f"{view.title}, one instrument",
        "text": "An empty field follows the figure shown in it.",
        "word": "Set the rule",
        "back": _url(),
        "wide": True,
        "in_columns": True,
    }
    return dialog(request, "dashboard/form.html", context, 422 if form.is_bound else 200)


@act_view(Act.SET_RULES)
def follow(request: HttpRequest, name: str) -> HttpResponse:
    """Let an instrument follow the rule for all again."""
    instrument = _instrument(request)
    if instrument is None:
        raise Http404
    view = reading.rule(_known(name), instrument)
    set_rule(
        name,
        instrument,
        {each.name: None for each in view.given},
        enabled=True,
        actor=acting_user(request),
        source="page",
    )
    return _renewed(request, f"{instrument} follows the rule for all again.")


@require_safe
@login_required
def limits(request: HttpRequest) -> HttpResponse:
    """Every limit, and how far it is used at this moment."""
    found = limits_in_use()
    whole = not wants(request, "limit-list")
    template = "limits" if whole else "limit_list"
    context = {"tab": "limits", "limits": found}
    return page(request, f"dashboard/settings/{template}.html", context)


@require_safe
@login_required
def bridge(request: HttpRequest) -> HttpResponse:
    """What holds here: durability, limits, doors; and who may do what."""
    config = django_settings.FKS
    context = {
        "tab": "bridge",
        "durability": config.durability,
        "durability_words": DURABILITY_WORDS[config.durability],
        "held": [_held(config, field) for field in dataclasses.fields(config)],
        "ranks": RANKS,
        "matrix": [
            (MATRIX_WORDS[act], [RANKS.index(rank) >= RANKS.index(lowest) for rank in RANKS])
            for act, lowest in MATRIX.items()
        ],
    }
    return page(request, "dashboard/settings/bridge.html", context)


def _held(config: Any, field: dataclasses.Field[Any]) -> Held:
    variable = field.metadata["variable"]
    value = getattr(config, field.name)
    shown = "set, not shown" if field.name in SECRETS else _shown(value)
    return Held(variable.name, shown, variable.default_shown, variable.meaning)


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _known(name: str) -> str:
    if name not in RULES:
        raise Http404
    return name


def _instrument(request: HttpRequest) -> Instrument | None:
    number = request.GET.get("instrument", "")
    return get_object_or_404(Instrument, pk=number) if number.isdecimal() else None


def _renewed(request: HttpRequest, text: str) -> HttpResponse:
    context = {"rules": reading.rules()}
    return changed(request, text, _url(), "dashboard/settings/rule_list.html", context)


def _url() -> str:
    return reverse("dashboard:settings")


urlpatterns = [
    path("settings", rules, name="settings"),
    path("settings/rules/<slug:name>", rule, name="rule"),
    path("settings/rules/<slug:name>/follow", follow, name="rule-follow"),
    path("settings/limits", limits, name="settings-limits"),
    path("settings/bridge", bridge, name="settings-bridge"),
]
