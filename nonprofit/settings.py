"""All settings, from the environment only; the process refuses to start when half-configured."""

from pathlib import Path
from urllib.parse import urlsplit

from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from nonprofit import environment

BASE_DIR = Path(__file__).resolve().parent.parent

# --- what this process is -------------------------------------------------------------------------------------
# "demo" allows Stripe test keys and a stand-in Stripe on loopback. Nothing else differs: the code never asks.
MODE = environment.choice("MODE", ["production", "demo"], "production")
DEBUG = environment.flag("DEBUG", default=False)
SECRET_KEY = environment.text("SECRET_KEY")
# Earlier keys: links in letters that were sent are signed with them, and leaving a list works for ever.
SECRET_KEY_FALLBACKS = [key.strip() for key in environment.text("SECRET_KEY_FALLBACKS", "").split(",") if key.strip()]
BASE_URL = environment.text("BASE_URL").rstrip("/")
BASE_ORIGIN = urlsplit(BASE_URL)
if BASE_ORIGIN.scheme not in {"http", "https"} or not BASE_ORIGIN.hostname or BASE_ORIGIN.path:
    raise ImproperlyConfigured("BASE_URL must look like https://give.example.org, without a path.")
ALLOWED_HOSTS = [BASE_ORIGIN.hostname]
CSRF_TRUSTED_ORIGINS = [BASE_URL]
# How many proxies of ours stand in front; only that many X-Forwarded-For entries are believed.
TRUSTED_PROXIES = environment.number("TRUSTED_PROXIES", 0)

# --- Stripe ---------------------------------------------------------------------------------------------------
STRIPE_SECRET_KEY = environment.text("STRIPE_SECRET_KEY")
STRIPE_PUBLISHABLE_KEY = environment.text("STRIPE_PUBLISHABLE_KEY")
STRIPE_WEBHOOK_SECRETS = [s.strip() for s in environment.text("STRIPE_WEBHOOK_SECRETS").split(",") if s.strip()]
STRIPE_API_BASE = environment.text("STRIPE_API_BASE", "https://api.stripe.com")
STRIPE_JS_URL = environment.text("STRIPE_JS_URL", "https://js.stripe.com/endive/stripe.js")
# Cards typed for callers are flagged as mail order or telephone order. Stripe must have allowed it for the account.
STRIPE_MOTO = environment.flag("STRIPE_MOTO", default=False)
# What makes the SDK's HTTP client, as a dotted path: simulations hand requests to a stand-in in their own process.
STRIPE_HTTP_CLIENT = environment.text("STRIPE_HTTP_CLIENT", "")
STRIPE_LIVE = STRIPE_SECRET_KEY.startswith(("sk_live_", "rk_live_"))

STRIPE_IS_REAL = STRIPE_API_BASE == "https://api.stripe.com" and STRIPE_JS_URL.startswith("https://js.stripe.com/")
if not STRIPE_IS_REAL:
    for address in (STRIPE_API_BASE, STRIPE_JS_URL):
        if urlsplit(address).hostname not in {"127.0.0.1", "localhost", "::1", "api.stripe.com", "js.stripe.com"}:
            raise ImproperlyConfigured(f"Stripe's address {address} is neither Stripe's own nor on loopback.")
    if STRIPE_LIVE:
        raise ImproperlyConfigured("A live Stripe key must never be sent to a stand-in: remove STRIPE_API_BASE.")
if STRIPE_PUBLISHABLE_KEY.startswith("pk_live_") != STRIPE_LIVE:
    raise ImproperlyConfigured("STRIPE_SECRET_KEY and STRIPE_PUBLISHABLE_KEY are of different modes.")
if MODE == "production":
    if DEBUG:
        raise ImproperlyConfigured("DEBUG must be off in production.")
    if not STRIPE_LIVE or not STRIPE_IS_REAL:
        raise ImproperlyConfigured("Production needs live Stripe keys and Stripe's own addresses (or set MODE=demo).")
    if STRIPE_HTTP_CLIENT:
        raise ImproperlyConfigured("STRIPE_HTTP_CLIENT is for simulations: production speaks to Stripe itself.")
    if BASE_ORIGIN.scheme != "https":
        raise ImproperlyConfigured("BASE_URL must be https in production.")
    if len(SECRET_KEY) < 50:
        raise ImproperlyConfigured("SECRET_KEY is too short for production: 50 characters or more.")

# --- Django ---------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "csp",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "nonprofit.apps.AdminConfig",
    "nonprofit.apps.NonprofitConfig",
    "donations.apps.DonationsConfig",
    "members.apps.MembersConfig",
]
MIDDLEWARE = [
    "nonprofit.middleware.request_id",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "nonprofit.middleware.readable_body",
    "nonprofit.middleware.no_card_numbers",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]
ROOT_URLCONF = "nonprofit.urls"
WSGI_APPLICATION = "nonprofit.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    [
                        "django.template.loaders.filesystem.Loader",
                        "django.template.loaders.app_directories.Loader",
                    ],
                )
            ],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "nonprofit.organization.context",
            ],
        },
    }
]
DATABASES = {"default": environment.database("DATABASE_URL")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "nonprofit.User"
REDIS_URL = environment.text("REDIS_URL")
# Pages are cached in each process and keyed by the content's version, so that a dead Redis never takes a page down.
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

LANGUAGE_CODE = "en-us"
# The organisation's zone: every booked date is a date there (domain rule 6).
TIME_ZONE = environment.text("TIME_ZONE", "America/New_York")
USE_TZ = True
USE_I18N = True

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = environment.text("STATIC_ROOT", str(BASE_DIR / ".local" / "static"))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
# A donor's form is small; larger bodies are refused before they are read.
DATA_UPLOAD_MAX_MEMORY_SIZE = 512 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000

# --- sign-in (django-allauth): supporters get a code by e-mail, nobody needs a password -----------------------------
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
LOGIN_URL = "account_request_login_code"
LOGIN_REDIRECT_URL = "/portal/"
ACCOUNT_ADAPTER = "members.adapter.AccountAdapter"
ACCOUNT_FORMS = {"request_login_code": "members.forms.RequestCodeForm"}
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*"]
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
ACCOUNT_LOGIN_BY_CODE_MAX_ATTEMPTS = 3
ACCOUNT_LOGIN_BY_CODE_TIMEOUT = 600
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = True
ACCOUNT_LOGOUT_REDIRECT_URL = "/"
ACCOUNT_SESSION_REMEMBER = True
# A new second factor is told to its owner by e-mail; adding one needs a sign-in at most this old (seconds).
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 900
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "More Ways to Give"
# The admin holds everyone's data: a signed-in member of staff without a second factor is sent to set one up.
REQUIRE_STAFF_MFA = environment.flag("REQUIRE_STAFF_MFA", default=True)
if MODE == "production" and not REQUIRE_STAFF_MFA:
    raise ImproperlyConfigured("REQUIRE_STAFF_MFA cannot be switched off in production.")

# Whoever entered rows of a batch may not close it (domain rule 10): for desks with at least two people.
DESK_CLOSER_DIFFERS = environment.flag("DESK_CLOSER_DIFFERS", default=False)

# --- e-mail ---------------------------------------------------------------------------------------------------
EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_TIMEOUT = 20
globals().update(environment.mail_server("EMAIL_URL", None))
DEFAULT_FROM_EMAIL = environment.text("DEFAULT_FROM_EMAIL")
# Sign what the mail service tells of bounces; several while rotating. Without any the address answers 404.
MAIL_EVENT_SECRETS = [s.strip() for s in environment.text("MAIL_EVENT_SECRETS", "").split(",") if s.strip()]
SERVER_EMAIL = DEFAULT_FROM_EMAIL

# --- what the newsroom's site may ask of its visitors ----------------------------------------------------------------
# An EC private key as PEM (ES256), or a secret shared with the site (HS256). Without one the address answers 404.
ENTITLEMENT_KEY = environment.text("ENTITLEMENT_KEY", "")
# The sites that may ask, like https://www.example.org.
ENTITLEMENT_ORIGINS = [s.strip() for s in environment.text("ENTITLEMENT_ORIGINS", "").split(",") if s.strip()]
if ENTITLEMENT_KEY and not ENTITLEMENT_KEY.startswith("-----BEGIN") and len(ENTITLEMENT_KEY) < 32:
    raise ImproperlyConfigured("ENTITLEMENT_KEY is too short for a shared secret: 32 characters or more.")

# --- the newsletter -------------------------------------------------------------------------------------------
# Stands for addresses in the consent log. Set it before SECRET_KEY is changed, to what that was.
PSEUDONYM_KEY = environment.text("PSEUDONYM_KEY", SECRET_KEY)
# Signs the control files of exported addresses; whoever checks them has it, too.
EXPORT_SIGNING_KEY = environment.text("EXPORT_SIGNING_KEY", SECRET_KEY)
# Whether the log keeps the IP address of who confirmed, as proof of consent; off where the law says no.
KEEP_CONSENT_IP = environment.flag("KEEP_CONSENT_IP", default=True)
# Where the mailing provider (or a few lines before it) is told of changes, and the secrets we sign with; the first
# signs, more of them while rotating. In the form of https://www.standardwebhooks.com: whsec_ and base64.
NEWSLETTER_WEBHOOK_URL = environment.text("NEWSLETTER_WEBHOOK_URL", "")
NEWSLETTER_WEBHOOK_SECRETS = environment.signing_keys("NEWSLETTER_WEBHOOK_SECRETS")
if NEWSLETTER_WEBHOOK_URL:
    if not NEWSLETTER_WEBHOOK_SECRETS:
        raise ImproperlyConfigured("NEWSLETTER_WEBHOOK_URL needs NEWSLETTER_WEBHOOK_SECRETS.")
    if not environment.is_safe_url(NEWSLETTER_WEBHOOK_URL):
        raise ImproperlyConfigured("NEWSLETTER_WEBHOOK_URL must be https: it carries addresses.")

# --- Celery: a message is only a nudge, the row is the queue --------------------------------------------------------
CELERY_BROKER_URL = environment.broker(REDIS_URL)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_connect_timeout": 1, "socket_timeout": 5, "visibility_timeout": 900}
CELERY_TASK_SERIALIZER = "json"
CELERY_TIMEZONE = "UTC"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False

# --- security -------------------------------------------------------------------------------------------------
IS_HTTPS = BASE_ORIGIN.scheme == "https"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = IS_HTTPS
SECURE_REDIRECT_EXEMPT = [r"^health/"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
SECURE_HSTS_SECONDS = 63_072_000 if IS_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = IS_HTTPS
SECURE_REFERRER_POLICY = "strict-origin-when-cross-origin"
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "nonprofit.health.csrf_failure"


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


STRIPE_JS_ORIGIN = _origin(STRIPE_JS_URL)
STRIPE_ORIGINS = sorted({STRIPE_JS_ORIGIN, _origin(STRIPE_API_BASE)})
# Stripe, "Content security policy", https://docs.stripe.com/security/guide#content-security-policy (read 2026-11-23).
STRIPE_SCRIPT_ORIGINS = [STRIPE_JS_ORIGIN, *(["https://*.js.stripe.com"] if STRIPE_IS_REAL else [])]
STRIPE_FRAME_ORIGINS = [*STRIPE_SCRIPT_ORIGINS, *(["https://hooks.stripe.com"] if STRIPE_IS_REAL else [])]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "manifest-src": [SELF],
    }
}

# --- logs: JSON lines with ids, never names, e-mails or addresses ---------------------------------------------------
LOGGING_CONFIG = "nonprofit.logs.configure"
LOGGING = {"level": environment.choice("LOG_LEVEL", ["DEBUG", "INFO", "WARNING", "ERROR"], "INFO")}
