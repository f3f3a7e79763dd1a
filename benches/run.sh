#!/usr/bin/env bash
# Starts the servers, measures the release build against them, and stops them. The first word is how often to repeat.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

for tool in /usr/bin/time psql redis-cli curl; do
  command -v "$tool" >/dev/null || {
    printf 'error: `%s` is missing\n\nhint: apt-get install time postgresql-client redis-tools curl\n' "$tool" >&2
    exit 3
  }
done
exec cargo bench --locked --package soma-conformance --bench wall_time -- "$@"
