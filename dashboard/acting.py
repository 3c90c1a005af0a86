"""What every view that changes something needs: who acts, and how a refusal travels back."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

REFUSED = 409


def acting_user(request: HttpRequest) -> User:
    """The signed-in user behind a request; views are guarded, so there always is one."""
    user = request.user
    if not isinstance(user, User):
        raise PermissionDenied("Sign in first.")
    return user


def refusal(reason: str, status: int = REFUSED) -> HttpResponse:
    """Plain text, which `static/js/ui/requests.js` shows where the act was clicked."""
    return HttpResponse(reason, content_type="text/plain; charset=utf-8", status=status)
