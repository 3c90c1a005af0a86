from __future__ import annotations

from django.apps import AppConfig


class TradingViewConfig(AppConfig):
    name = "tradingview"
    default_auto_field = "django.db.models.BigAutoField"
