"""Signing in and out."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse
from django.urls import path

from dashboard.formatting import lasting_text

TOO_MANY = 429


class SignInForm(AuthenticationForm):
    error_messages = {
        "invalid_login": "Name and password do not match. Passwords are case-sensitive.",
        "inactive": "This account is disabled. Ask an admin.",
    }

    def __init__(self, request: HttpRequest | None = None, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, *args, **kwargs)
        self.fields["username"].label = "Name"


class SignIn(LoginView):
    """Django's own view, our words. After too many failures django-axes turns people away."""

    template_name = "dashboard/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        """Say in the form itself that it is locked, instead of axes' bare page."""
        if not getattr(self.request, "axes_locked_out", False):
            return super().form_invalid(form)
        self.request.axes_locked_out = False  # type: ignore[attr-defined]
        form.errors.clear()
        form.add_error(None, locked_text())
        return self.render_to_response(self.get_context_data(form=form), status=TOO_MANY)


def locked_text() -> str:
    cooloff = settings.AXES_COOLOFF_TIME
    seconds = cooloff.total_seconds() if isinstance(cooloff, timedelta) else cooloff * 3600
    return f"Too many failed attempts. Wait {lasting_text(seconds)}, then try again."


urlpatterns = [
    path("sign-in", SignIn.as_view(), name="sign-in"),
    path("sign-out", LogoutView.as_view(), name="sign-out"),
]
