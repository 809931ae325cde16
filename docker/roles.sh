#!/bin/sh
# Makes Tocsin's two roles and its database; the postgres image runs this once, on an empty data directory.
# By hand: PGHOST=... PGUSER=postgres OWNER_PASSWORD=... APP_PASSWORD=... sh docker/roles.sh
set -eu
: "${OWNER_PASSWORD:?}" "${APP_PASSWORD:?}"
psql -v ON_ERROR_STOP=1 --no-psqlrc --quiet --username "${POSTGRES_USER:-${PGUSER:-postgres}}" --dbname postgres \
     -v owner_password="$OWNER_PASSWORD" -v app_password="$APP_PASSWORD" -v database="${TOCSIN_DATABASE:-tocsin}" <<'SQL'
CREATE ROLE tocsin_owner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD :'owner_password';
CREATE ROLE tocsin_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD :'app_password';
CREATE DATABASE :"database" OWNER tocsin_owner;
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"database" TO tocsin_app;
\connect :"database"
ALTER SCHEMA public OWNER TO tocsin_owner;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
SQL
