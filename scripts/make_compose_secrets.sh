#!/bin/sh
# Makes the files of the folder secrets/ that docker-compose.yml gives to its containers. What is there already is kept, so
# running it again only adds what is missing. Secrets of before are taken from .env, or from the environment.
#
# Compose mounts a secret's file as it is: the containers' accounts, which own nothing here, must be able to read it. So the
# folder is closed to everybody else on this machine, and the files in it are not.
set -eu
cd "$(dirname "$0")/.."
umask 022
mkdir -p secrets
chmod 0700 secrets

keep() { # NAME VALUE
    [ -z "$(cat "secrets/$1" 2> /dev/null)" ] || return 0
    [ -n "$2" ] || { echo "secrets/$1 was not made: openssl draws it" >&2 && exit 1; }
    printf '%s\n' "$2" > "secrets/$1"
}

# What it is in the environment or in .env, as Compose reads that. A shell cannot: a name in MAIL_FROM is followed by < and >.
before() { # VARIABLE
    value=$(printenv "$1") || value=
    [ -n "$value" ] || [ ! -f .env ] || value=$(sed -n "s/^$1=//p" .env | tail -n 1 | sed "s/^\([\"']\)\(.*\)\1\$/\2/")
    printf '%s' "$value"
}

# Drawn where there was none.
keep_password() { # NAME VARIABLE
    value=$(before "$2")
    keep "$1" "${value:-$(openssl rand -hex 24)}"
}

keep_password postgres_password POSTGRES_PASSWORD
keep_password temporal_password TEMPORAL_DB_PASSWORD
keep_password owner_password OWNER_DB_PASSWORD
keep_password app_password APP_DB_PASSWORD
keep database_url "postgres://sendpromptly:$(cat secrets/app_password)@postgres:5432/sendpromptly"
keep owner_database_url "postgres://sendpromptly_owner:$(cat secrets/owner_password)@postgres:5432/sendpromptly"
# Seals signing secrets, destinations' URLs, callback headers and snapshots. Keep a copy away from the database's backups:
# without it, sealed secrets are lost.
master_key=$(before SENDPROMPTLY_MASTER_KEY)
keep master_key "${master_key:-$(openssl rand -base64 32)}"
# The mail catcher of docker-compose.yml, until there is a mail server.
smtp_url=$(before SMTP_URL)
keep smtp_url "${smtp_url:-smtp://mailpit:1025?tls=none}"
ls secrets
