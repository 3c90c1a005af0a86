"""What an operator decides about a terminal's clock."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.views.decorators.http import require_http_methods

from bridge_ingest import clocks
from bridge_ingest.actions import ActionRefused
from bridge_ingest.models import Client
from dashboard.acting import acting_user
from dashboard.answers import changed, dialog, done, page, refused, sent
from dashboard.forms.clocks import FOLLOW, REFUSE, STATED, ChoiceForm, OffsetForm
from dashboard.permissions import Act, act_view, requires
from dashboard.reading.clocks import clock_of

TEMPLATE = "dashboard/clients/clock.html"


@act_view(Act.MANAGE_CLIENTS)
def choose(request: HttpRequest, pk: int) -> HttpResponse:
    """One of the buttons on the card: use what was measured, refuse it, go by what is stated."""
    client = get_object_or_404(Client, pk=pk)
    form = ChoiceForm(request.POST)
    if not form.is_valid():
        return refused(request, "Choose one of the buttons.", _url(client), 422)
    choice, offset_s = form.cleaned_data["choice"], form.cleaned_data["offset_s"]
    try:
        text = _do(client, choice, offset_s, acting_user(request))
    except ActionRefused as error:
        return refused(request, str(error), _url(client))
    answer = page(request, TEMPLATE, {"client": client, "clock": clock_of(client)})
    return done(request, text, _url(client), answer)


def _do(client: Client, choice: str, offset_s: int | None, actor: User) -> str:
    """Raises ActionRefused; returns what was done."""
    if choice == STATED:
        clocks.use_stated(client, actor=actor, source="page")
        return f"{client.name} goes by what its terminal states."
    if choice == REFUSE:
        clocks.refuse_measured(client, actor=actor, source="page")
        return "The proposal is refused; the clock alert stays until the clock is put right."
    if offset_s is None:
        raise ActionRefused("Say which offset to use.")
    clocks.use_offset(client, offset_s, follow=choice == FOLLOW, actor=actor, source="page")
    return f"{client.name} is read as {clocks.written(offset_s)} from now on."


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Act.MANAGE_CLIENTS)
def set_by_hand(request: HttpRequest, pk: int) -> HttpResponse:
    client = get_object_or_404(Client, pk=pk)
    form = OffsetForm(sent(request), clock=clocks.standing(client).clock)
    if request.method == "POST" and form.is_valid():
        offset_s, follow = form.cleaned_data["offset"], form.cleaned_data["follow"]
        try:
            clocks.use_offset(
                client, offset_s, follow=follow, actor=acting_user(request), source="page"
            )
        except ActionRefused as error:
            form.add_error("offset", str(error))
        else:
            text = f"{client.name} is read as {clocks.written(offset_s)} from now on."
            context = {"client": client, "clock": clock_of(client)}
            return changed(request, text, _url(client), TEMPLATE, context)
    context = {
        "form": form,
        "title": f"The clock of {client.name}",
        "text": "What is stored already stays as it is; each tick keeps the offset it was read by.",
        "word": "Use it",
        "back": _url(client),
    }
    return dialog(request, "dashboard/form.html", context, 422 if form.is_bound else 200)


def _url(client: Client) -> str:
    return f"{reverse('dashboard:client', args=[client.pk])}#client-clock"


urlpatterns = [
    path("clients/<int:pk>/clock", choose, name="client-clock"),
    path("clients/<int:pk>/clock/set", set_by_hand, name="client-clock-set"),
]
