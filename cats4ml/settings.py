"""The one settings file. What differs between machines comes from the environment, and a wrong value fails loudly.

`CATS4ML_ENV` is `local` (the default: for `make run`, tests and development) or `production`, which refuses to start
without its secrets.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any

import dj_database_url
from django.core.exceptions import ImproperlyConfigured
from django_guid.integrations.celery import CeleryIntegration

from cats4ml import translations
from cats4ml.accounts.providers import origins_of, sign_in_providers
from cats4ml.environment import env_address, env_bool, env_int, env_list, env_rate, env_secret, env_text
from scoring.broker import celery_broker_url
from scoring.logs import REQUEST_HEADER, checked_format, logging_config

BASE_DIR = Path(__file__).resolve().parent.parent


ENV = env_text("CATS4ML_ENV", "local")
if ENV not in ("local", "production"):
    raise ImproperlyConfigured(f"CATS4ML_ENV must be local or production, not {ENV!r}")
PRODUCTION = ENV == "production"
HOME = Path(env_text("CATS4ML_HOME", str(BASE_DIR / "var"))).resolve()


def local_secret_key() -> str:
    """A key of this checkout's own, kept so that sessions outlive a restart."""
    path = HOME / "secret_key"
    HOME.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text(encoding="ascii")
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(key := secrets.token_urlsafe(50))
    return key


SECRET_KEY = env_secret("SECRET_KEY") if PRODUCTION else os.environ.get("SECRET_KEY") or local_secret_key()
# Keys that were in use before: sessions, links in mails and second factors made with them go on working.
SECRET_KEY_FALLBACKS = env_list("SECRET_KEY_FALLBACKS")
DEBUG = env_bool("DEBUG", default=False)
if PRODUCTION and DEBUG:
    raise ImproperlyConfigured("DEBUG must not be on in production: its pages show settings and code to everybody")
ALLOWED_HOSTS = env_list("ALLOWED_HOSTS", "" if PRODUCTION else "localhost,127.0.0.1,[::1]")
if PRODUCTION and not ALLOWED_HOSTS:
    raise ImproperlyConfigured("ALLOWED_HOSTS is not set: give the site's host names, separated by commas")
if PRODUCTION and "*" in ALLOWED_HOSTS:
    raise ImproperlyConfigured("ALLOWED_HOSTS must name the site's hosts, not *: links are made of the name asked for")
CSRF_TRUSTED_ORIGINS = env_list("CSRF_TRUSTED_ORIGINS")
# What the addresses in files begin with, which are written when nobody asks. Empty: they begin with a slash.
SITE_URL = env_address("SITE_URL")

INSTALLED_APPS = [
    "cats4ml.accounts",
    "cats4ml.catalog",
    "cats4ml.challenges",
    "cats4ml.submissions",
    "cats4ml.review",
    "cats4ml.leaderboard",
    "cats4ml.releases",
    "cats4ml.api",
    "cats4ml.pages",
    "cats4ml.console",
    "cats4ml.operations",
    "cats4ml.ui",
    "cats4ml.accounts.apps.AdminBehindSecondFactor",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.github",
    "allauth.socialaccount.providers.google",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.socialaccount.providers.orcid",
    "django_htmx",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "csp",
    "django_guid",
]
MIDDLEWARE = [
    "cats4ml.operations.middleware.Probes",
    "cats4ml.operations.request_ids.RequestId",
    "cats4ml.operations.middleware.Measured",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "cats4ml.headers.SafeHeaders",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    # Before the next one, which reads the body to find the token in it.
    "cats4ml.throttling.Throttle",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "cats4ml.ui.middleware.ReadersLanguage",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "cats4ml.accounts.middleware.LeaveByPage",
    "cats4ml.accounts.middleware.GuestsOnlyRate",
    "django_htmx.middleware.HtmxMiddleware",
]
ROOT_URLCONF = "cats4ml.urls"
WSGI_APPLICATION = "cats4ml.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
            ],
        },
    },
]

# A worker that is frozen, or whose machine is gone, lets go of its locks within two minutes: PostgreSQL ends a
# transaction whose owner says nothing, and asks a silent connection whether it still lives. A statement may take long.
PATIENCE_OF_THE_DATABASE = {
    "idle_in_transaction_session_timeout": "100s",
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
}
# Behind a pooler that lends connections for a transaction at a time (PgBouncer), nothing of a connection outlives one:
# no cursor on the server, no setting and no lock. Those locks are taken on connections to the server itself.
DATABASE_POOLED = env_bool("DATABASE_POOLED", default=False)
DATABASES: dict[str, Any] = {
    "default": dj_database_url.parse(env_text("DATABASE_URL"), conn_max_age=60, conn_health_checks=True)
}
LOCK_DATABASE = "default"
if DATABASE_POOLED:
    DATABASES["default"].update(CONN_MAX_AGE=0, CONN_HEALTH_CHECKS=False, DISABLE_SERVER_SIDE_CURSORS=True)
    DATABASES["direct"] = dj_database_url.parse(env_text("DATABASE_DIRECT_URL"), conn_max_age=0)
    LOCK_DATABASE = "direct"
DATABASES[LOCK_DATABASE].setdefault("OPTIONS", {}).setdefault(
    "options", " ".join(f"-c {name}={value}" for name, value in PATIENCE_OF_THE_DATABASE.items())
)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env_text("REDIS_URL")
CACHES: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "cats4ml.json_cache.JsonRedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": env_text("CACHE_PREFIX", "cats4ml"),
        # A Redis that hangs must not hang every page.
        "OPTIONS": {"socket_connect_timeout": 2, "socket_timeout": 2},
    }
}
CELERY_BROKER_URL = celery_broker_url(REDIS_URL)
# Whoever can write to Redis could else run code in a worker, by a pickle.
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = "json"
CELERY_RESULT_SERIALIZER = "json"

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_REDIRECT_URL = "/"
LOGIN_URL = "account_login"
ACCOUNT_ADAPTER = "cats4ml.accounts.adapters.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "username*", "password1*", "password2*"]
# In production nobody signs in before the address is confirmed, so that a sign-up doesn't tell whose address is known.
ACCOUNT_EMAIL_VERIFICATION = "mandatory" if PRODUCTION else "optional"
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
# One address: another one takes its place once it is confirmed.
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_LOGOUT_REDIRECT_URL = "/"
ACCOUNT_RATE_LIMITS = {
    "login": env_text("SIGN_IN_RATE", "30/m/ip"),
    "login_failed": "10/m/ip,5/5m/key",
    "signup": env_text("SIGN_UP_RATE", "20/m/ip"),
    "reset_password": "10/m/ip,3/10m/key",
    "reset_password_from_key": "20/m/ip",
    "confirm_email": "1/3m/key",
    "manage_email": "10/m/user",
    "change_password": "5/m/user",
    "reauthenticate": "10/m/user",
}
ACCOUNT_FORMS = {"reset_password": "cats4ml.accounts.password_forms.AskForPassword"}
SIGN_UP_OPEN = env_bool("SIGN_UP", default=True)
# A second factor must not lock out the owner of an address: `accounts.urls` asks for a confirmed one.
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_FORMS = {
    "login_webauthn": "cats4ml.accounts.passkey_forms.LoginPasskey",
    "authenticate_webauthn": "cats4ml.accounts.passkey_forms.AuthenticatePasskey",
    "reauthenticate_webauthn": "cats4ml.accounts.passkey_forms.ReauthenticatePasskey",
    "add_webauthn": "cats4ml.accounts.passkey_forms.AddPasskey",
}
MFA_ADAPTER = "cats4ml.accounts.adapters.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_TOTP_ISSUER = "CATS4ML"
MFA_TOTP_TOLERANCE = 1
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not PRODUCTION
ADMIN_SECOND_FACTOR = env_bool("ADMIN_SECOND_FACTOR", default=True)
SOCIALACCOUNT_ADAPTER = "cats4ml.accounts.adapters.ProviderAdapter"
SOCIALACCOUNT_EMAIL_AUTHENTICATION = True
SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = True
SOCIALACCOUNT_QUERY_EMAIL = True
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_REAUTHENTICATION_REQUIRED = True
SOCIALACCOUNT_PROVIDERS = sign_in_providers(
    github=(env_text("GITHUB_CLIENT_ID", ""), env_text("GITHUB_CLIENT_SECRET", "")),
    google=(env_text("GOOGLE_CLIENT_ID", ""), env_text("GOOGLE_CLIENT_SECRET", "")),
    orcid=(env_text("ORCID_CLIENT_ID", ""), env_text("ORCID_CLIENT_SECRET", "")),
    oidc=(env_text("OIDC_CLIENT_ID", ""), env_text("OIDC_CLIENT_SECRET", "")),
    oidc_server=env_address("OIDC_SERVER_URL"),
    oidc_name=env_text("OIDC_NAME", ""),
)
if PRODUCTION and env_text("OIDC_SERVER_URL", "").startswith("http://"):
    raise ImproperlyConfigured("OIDC_SERVER_URL must begin with https:// in production: what it says is trusted")
# A mail waits in the table until a worker has handed it to the mail server; without one it is kept to be read.
EMAIL_BACKEND = "cats4ml.accounts.mail.Outbox"
EMAIL_HOST = env_text("EMAIL_HOST", "")
EMAIL_PORT = env_int("EMAIL_PORT", default=25)
EMAIL_HOST_USER = env_text("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = env_text("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = env_bool("EMAIL_USE_TLS", default=False)
EMAIL_USE_SSL = env_bool("EMAIL_USE_SSL", default=False)
if EMAIL_USE_TLS and EMAIL_USE_SSL:
    raise ImproperlyConfigured("EMAIL_USE_TLS and EMAIL_USE_SSL exclude each other: STARTTLS, or TLS from the start")
EMAIL_TIMEOUT = env_int("EMAIL_TIMEOUT", default=20)
DEFAULT_FROM_EMAIL = env_text("DEFAULT_FROM_EMAIL", "cats4ml@localhost")
SERVER_EMAIL = DEFAULT_FROM_EMAIL

LANGUAGE_CODE = "en-gb"
# The texts are written in English; `cats4ml/locale` has the other languages.
LANGUAGES = [("en-gb", "English"), ("de", "Deutsch")]
LOCALE_PATHS = [BASE_DIR / "cats4ml" / "locale"]
if not PRODUCTION:  # an image has them compiled
    translations.compile_changed()
LANGUAGE_COOKIE_SECURE = PRODUCTION
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

# Pictures and classifiers: the scoring worker reads the same two places.
IMAGES_URL = env_text("IMAGES_URL", str(HOME / "pictures"))
CLASSIFIERS_DIR = Path(env_text("CLASSIFIERS_DIR", str(HOME / "classifiers"))).resolve()
if IMAGES_URL.startswith("s3://"):
    from botocore.config import Config  # it takes a while, and a folder needs none of it

    bucket, _, prefix = IMAGES_URL.removeprefix("s3://").partition("/")
    # The driver's own patience, minutes for each request, would hold a page or a run as long.
    s3_patience = Config(connect_timeout=5, read_timeout=30, retries={"max_attempts": 3, "mode": "standard"})
    picture_storage: dict[str, object] = {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {"bucket_name": bucket, "location": prefix, "file_overwrite": False, "client_config": s3_patience},
    }
else:
    picture_storage = {
        "BACKEND": "cats4ml.catalog.storage.PictureFolder",
        "OPTIONS": {"location": IMAGES_URL, "base_url": None},
    }
# Where the pictures of Open Images are fetched from; without an endpoint from AWS.
OPEN_IMAGES_BUCKET = env_text("OPEN_IMAGES_BUCKET", "open-images-dataset")
OPEN_IMAGES_ENDPOINT = env_address("OPEN_IMAGES_ENDPOINT")
STATIC_URL = "static/"
STATIC_ROOT = HOME / "static"
if not PRODUCTION:  # where it is not collected yet, WhiteNoise would warn of each process's start
    STATIC_ROOT.mkdir(parents=True, exist_ok=True)
    if "://" not in IMAGES_URL:  # in production a folder that isn't there is one that isn't mounted
        Path(IMAGES_URL).mkdir(parents=True, exist_ok=True)
STATICFILES_DIRS = [BASE_DIR / "cats4ml" / "static"]
STORAGES = {
    "default": picture_storage,
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = not PRODUCTION
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2_500  # a full basket has two for each picture
DATA_UPLOAD_MAX_NUMBER_FILES = 5
FILE_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
# A body that isn't there after so many seconds is not waited for: who sends a byte a second would hold a thread.
BODY_SECONDS = env_int("BODY_SECONDS", default=120)
UPLOAD_MAX_BYTES = env_int("UPLOAD_MAX_BYTES", default=10 * 1024 * 1024)
UPLOAD_MAX_ROWS = env_int("UPLOAD_MAX_ROWS", default=20_000)
# Data files: a pool up to this size has its tables written at once, and one zip of its pictures up to these limits.
DATA_AT_ONCE_PICTURES = env_int("DATA_AT_ONCE_PICTURES", default=2_000)
DATA_ZIP_PICTURES = env_int("DATA_ZIP_PICTURES", default=2_000)
DATA_ZIP_BYTES = env_int("DATA_ZIP_BYTES", default=2 * 1024**3)

# The ids that a paid crowd passes in are deleted so long after a visit ended or its study was closed.
CROWD_IDS_KEPT_DAYS = env_int("CROWD_IDS_KEPT_DAYS", default=90)

# Where a form's answer may lead away to besides this site: providers of sign-in.
FORM_ACTIONS = ["'self'", *origins_of(SOCIALACCOUNT_PROVIDERS)]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'"],
        "connect-src": ["'self'"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": FORM_ACTIONS,
        "frame-ancestors": ["'none'"],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
# Without JavaScript-readable cookies htmx takes the token from the page.
CSRF_COOKIE_HTTPONLY = True
if PRODUCTION:
    SECURE_SSL_REDIRECT = env_bool("SECURE_SSL_REDIRECT", default=True)
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
    # A browser takes such a name from this host alone and over TLS alone: no neighbour under the domain can set it.
    SESSION_COOKIE_NAME = "__Host-sessionid"
    CSRF_COOKIE_NAME = "__Host-csrftoken"
    LANGUAGE_COOKIE_NAME = "__Host-language"
    SECURE_HSTS_SECONDS = env_int("SECURE_HSTS_SECONDS", default=31_536_000)
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True

# What one person may ask for, or one address from which nobody signed in: as 60/min, 5/s, 1000/h, or none.
PAGE_RATES = {
    "search": env_rate("PAGE_RATE_SEARCH", default="120/min"),
    "pictures": env_rate("PAGE_RATE_PICTURES", default="3000/min"),
    "files": env_rate("PAGE_RATE_FILES", default="120/min"),
    "sent": env_rate("PAGE_RATE_SENT", default="300/min"),
    "pages": env_rate("PAGE_RATE_PAGES", default="600/min"),
    "wrong-tokens": env_rate("API_RATE_WRONG_TOKENS", default="30/min"),
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "cats4ml.api.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticatedOrReadOnly"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_PAGINATION_CLASS": "cats4ml.api.pagination.Pages",
    "PAGE_SIZE": 100,
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_THROTTLE_CLASSES": [
        "cats4ml.api.throttles.ByAddress",
        "cats4ml.api.throttles.ByPerson",
    ],
    "DEFAULT_THROTTLE_RATES": {
        "anon": env_text("API_RATE_ANONYMOUS", "100/min"),
        "user": env_text("API_RATE_USER", "600/min"),
    },
    # How many proxies add to X-Forwarded-For: without it anybody could make up an address and pass the throttles.
    "NUM_PROXIES": env_int("API_PROXIES", default=0),
    "EXCEPTION_HANDLER": "cats4ml.api.errors.handle",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "CATS4ML",
    "DESCRIPTION": "Crowdsourced adversarial test sets for machine learning: claim pairs, rate them, export the set.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "cats4ml.api.documented.told_everywhere",
    ],
    "ENUM_NAME_OVERRIDES": {
        "DataFileKind": "cats4ml.challenges.models.DataFileKind",
        "DataFileState": "cats4ml.challenges.models.DataFileState",
        "BeingBuiltState": ["waiting", "building"],
        "BoardState": ["live", "frozen", "hidden", "final"],
        "ReleaseState": "cats4ml.releases.models.ReleaseState",
        "EvaluationState": "cats4ml.releases.models.EvaluationState",
        "OutcomeEnum": ["false_negative", "false_positive", "agreement", "ambiguous"],
        "SensitiveKindEnum": "cats4ml.catalog.models.SensitiveKind",
        "KindEnum": ["known_unknown", "candidate_unknown_unknown"],
        "StateEnum": ["queued", "unscorable", "in_review", "settled", "withdrawn"],
    },
}

try:
    LOG_FORMAT = checked_format(os.environ, default="json" if PRODUCTION else "plain")
except ValueError as error:
    raise ImproperlyConfigured(str(error)) from error
LOG_LEVEL = env_text("LOG_LEVEL", "INFO").upper()
LOGGING = logging_config(form=LOG_FORMAT, level=LOG_LEVEL, names="cats4ml.operations.request_ids.Names")
DJANGO_GUID = {"GUID_HEADER_NAME": REQUEST_HEADER, "INTEGRATIONS": [CeleryIntegration()]}

# Who may read /metrics: with a token whoever has it, without one nobody in production and else this machine.
METRICS_TOKEN = env_text("METRICS_TOKEN", "")
# A folder in which the processes of one machine add up what they count.
if metrics_folder := env_text("PROMETHEUS_MULTIPROC_DIR", ""):
    Path(metrics_folder).mkdir(parents=True, exist_ok=True)
# While this file is there the server says that it isn't ready, and is sent nobody any more.
DRAIN_FILE = env_text("DRAIN_FILE", str(HOME / "run" / "draining"))
# Off unless they are set: traces by OpenTelemetry, and reports of errors to Sentry.
OTEL_EXPORTER_OTLP_ENDPOINT = env_address("OTEL_EXPORTER_OTLP_ENDPOINT")
SENTRY_DSN = env_text("SENTRY_DSN", "")
