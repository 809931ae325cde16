# Two stages: one installs the hashed lock, the other holds what runs, as a user that owns none of it.
FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /build
COPY requirements.lock ./
RUN python -m venv /opt/venv \
 && /opt/venv/bin/pip install --require-hashes --only-binary :all: -r requirements.lock \
 && /opt/venv/bin/python -m compileall -q /opt/venv/lib

FROM python:3.11-slim-bookworm
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DJANGO_SETTINGS_MODULE=config.settings \
    TOCSIN_EMBEDDED=0 \
    STATIC_ROOT=/srv/static
RUN useradd --system --uid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin tocsin
COPY --from=build /opt/venv /opt/venv
WORKDIR /srv/tocsin
COPY . ./
# Collecting needs no service; the settings want every address to be named, so these name none.
RUN python -m compileall -q . \
 && SECRET_KEY=unused RECEIPT_KEYS=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA BASE_URL=http://unused DATABASE_URL=postgresql://unused@unused/unused REDIS_URL=redis://unused \
    EMAIL_URL=console:// DEFAULT_FROM_EMAIL=unused COMPLIANCE_MAILBOX=unused \
    python manage.py collectstatic --noinput --verbosity 0
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=6s --start-period=30s --retries=3 \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health/ready', timeout=5)"]
CMD ["granian", "--interface", "wsgi", "--host", "0.0.0.0", "--port", "8000", "--workers", "2", "--blocking-threads", "2", \
     "--no-ws", "config.wsgi:application"]
