"""What a client must prove besides its key: a signing secret is made here, and shown once."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from bridge_ingest import actions
from bridge_ingest.models import Client
from dashboard.acting import acting_user
from dashboard.answers import dialog
from dashboard.permissions import Act, requires


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@requires(Act.MANAGE_CLIENTS)
def issue_secret(request: HttpRequest, pk: int) -> HttpResponse:
    """Asks first: an older secret ends at once."""
    client = get_object_or_404(Client, pk=pk)
    back = f"{reverse('dashboard:client', args=[client.pk])}#client-proof"
    if request.method == "POST":
        secret = actions.issue_signing_secret(client, actor=acting_user(request), source="page")
        title = f"The signing secret of {client.name}"
        context = {"title": title, "secret": secret, "client": client, "back": back}
        return dialog(request, "dashboard/clients/secret_issued.html", context)
    replaces = " The one it has now ends at once." if client.signing_secret else ""
    context = {
        "title": f"Make a signing secret for {client.name}?",
        "text": f"It is shown once, and its sessions connect anew.{replaces}",
        "word": "Make the secret",
        "back": back,
    }
    return dialog(request, "dashboard/confirm.html", context)


urlpatterns = [path("clients/<int:pk>/signing-secret", issue_secret, name="signing-secret")]
