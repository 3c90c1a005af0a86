"""Django's settings. What an operator may choose is read in `fksbridge.config`."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

from csp.constants import NONE, SELF

from fksbridge.config import PROJECT, Config, read_config
from fksbridge.connections import celery_broker, django_database
from fksbridge.logs import logging_config
from fksbridge.schedule import BEAT_SCHEDULE

FKS: Config = read_config(os.environ)

SECRET_KEY = FKS.secret_key
DEBUG = False
ALLOWED_HOSTS = list(FKS.allowed_hosts)

INSTALLED_APPS = [
    "dashboard.apps.DashboardConfig",
    "tradingview.apps.TradingViewConfig",
    "execution.apps.ExecutionConfig",
    "signals.apps.SignalsConfig",
    "verification.apps.VerificationConfig",
    "market.apps.MarketConfig",
    "bridge_ingest.apps.BridgeIngestConfig",
    "audit.apps.AuditConfig",
    "fksbridge.apps.HouseConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "axes",
    "csp",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
    "fksbridge.zero_bytes.refuse_zero_bytes",
]

ROOT_URLCONF = "fksbridge.urls"
ASGI_APPLICATION = "fksbridge.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [PROJECT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

DATABASES = {"default": django_database(FKS.database_url)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": FKS.redis_url,
        "KEY_PREFIX": "fks:cache",
    }
}

LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"

# Sign-in, sessions and forms. An operator's shift lasts eight hours; a session ends after twelve.
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "/sign-in"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = LOGIN_URL
SESSION_COOKIE_AGE = int(timedelta(hours=12).total_seconds())
SESSION_COOKIE_NAME = f"fks_session_{FKS.http_port}"  # bridges on one host share a cookie jar
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = FKS.env == "production"
CSRF_COOKIE_NAME = f"fks_csrf_{FKS.http_port}"
CSRF_COOKIE_SAMESITE = "Strict"
CSRF_TRUSTED_ORIGINS = [f"https://{host}" for host in FKS.allowed_hosts if FKS.trusted_proxies]
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_CLIENT_IP_CALLABLE = "fksbridge.client_address.of_request"
AXES_VERBOSE = False

# Headers. HTTPS is ended by the proxy in front, which says so in X-Forwarded-Proto.
if FKS.trusted_proxies:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = int(timedelta(days=365).total_seconds()) if FKS.env == "production" else 0
SILENCED_SYSTEM_CHECKS = [
    "security.W005",  # whether other hosts of the domain speak HTTPS is not ours to promise
    "security.W008",  # the proxy in front redirects to HTTPS
    "security.W021",  # as W005
]
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY: dict[str, Any] = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        # The embedded chart of TradingView is the one foreign frame, and it is optional.
        "frame-src": ["https://www.tradingview-widget.com", "https://s.tradingview.com"],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    },
}

# Static files: as they lie while developing, hashed and cached for ever elsewhere.
STATIC_URL = "/static/"
STATICFILES_DIRS = [PROJECT / "static"]
STATIC_ROOT = FKS.data_dir / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if FKS.env == "development"
        else "fksbridge.static_files.HashedStorage"
    },
}
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = FKS.env == "development"

LOGGING_CONFIG = "logging.config.dictConfig"
LOGGING = logging_config()

# Celery reads every name that starts with CELERY_ (fksbridge/celery.py).
CELERY_BROKER_URL = celery_broker(FKS.redis_url)
CELERY_BROKER_TRANSPORT_OPTIONS = {"global_keyprefix": "fks:celery:", "visibility_timeout": 3600}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # for ever: Redis comes back, and nobody restarts us
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_BEAT_SCHEDULER = "fksbridge.celery.LivingScheduler"
CELERY_BEAT_SCHEDULE = BEAT_SCHEDULE
CELERY_BEAT_MAX_LOOP_INTERVAL = 1.0
CELERY_DB_REUSE_MAX = 1_000_000  # `keep_connection` in fksbridge/celery.py judges connections
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
# A drain is driven again from its cursor, so a task lost with its worker costs nothing; early
# acknowledgement keeps a killed worker's task from running twice.
CELERY_TASK_ACKS_LATE = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_REDIRECT_STDOUTS = False
CELERY_TIMEZONE = "UTC"
