"""Who may sign in, and with what."""

from __future__ import annotations

from django import forms

from dashboard.roles import OPERATOR, RANKS

ROLE_WORDS = {
    "viewer": "Viewer: looks at everything, changes nothing",
    "operator": "Operator: handles alerts, pushes signals, manages clients and keys",
    "admin": "Admin: also rules, strategies and people",
}


class PersonForm(forms.Form):
    name = forms.CharField(
        max_length=150,
        help_text="As it stands in the audit log. Letters, digits and @.+-_",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    role = forms.ChoiceField(
        choices=[(rank, ROLE_WORDS[rank]) for rank in RANKS],
        initial=OPERATOR,
        widget=forms.RadioSelect,
    )


class RoleForm(forms.Form):
    role = forms.ChoiceField(
        choices=[(rank, ROLE_WORDS[rank]) for rank in RANKS], widget=forms.RadioSelect
    )


class OwnPasswordForm(forms.Form):
    current = forms.CharField(
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        label="Your password now",
    )
    new = forms.CharField(
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        label="The new one",
        help_text="Eight characters or more, not a common word, not only digits.",
    )
    again = forms.CharField(
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        label="Once more",
    )

    def clean(self) -> None:
        given = super().clean() or self.cleaned_data
        if given.get("new") and given.get("again") and given["new"] != given["again"]:
            self.add_error("again", "The two differ.")
