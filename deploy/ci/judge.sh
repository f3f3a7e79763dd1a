#!/usr/bin/env bash
# judge.sh IMAGE [REPORT_DIR]: has the release of the shared infrastructure judged by a Job inside the cluster that kubectl leads
# to, and fetches the reports. Needs kubectl, helm and this program (SOMA_CONFORMANCE says where it is). VALUES are files for
# deploy/chart that say what the release is like. Ends as the run did: 0 READY, 1 NOT READY, 2 INCOMPLETE.
set -euo pipefail
image=${1:?usage: judge.sh IMAGE [REPORT_DIR]} reports=${2:-soma-conformance-report}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
namespace=soma-conformance program=${SOMA_CONFORMANCE:-soma-conformance}
values=()
for file in ${VALUES:-}; do values+=(--values "$file"); done

kubectl apply -f "$root/deploy/namespace.yaml"
# A Job cannot be changed, so one of an earlier run goes first.
kubectl -n "$namespace" delete job conformance --ignore-not-found --wait
helm upgrade --install conformance "$root/deploy/chart" --namespace "$namespace" "${values[@]}" --set image="$image"
exec "$program" collect conformance --namespace "$namespace" --report-dir "$reports"
