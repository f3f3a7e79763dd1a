#!/usr/bin/env bash
# Judges a release of the shared infrastructure on Kind, from inside the cluster, as CI does. Needs docker, kind, kubectl, helm
# and this program. kind.sh IMAGE [REPORT_DIR]
#
# The reference release with the public images, unless SOMA_INFRA_CHART and SOMA_INFRA_VALUES name another one; VALUES is then what
# deploy/chart is told of it. What comes after the cluster is there is judge.sh, which asks for no Kind.
#
# The cluster is made when there is none of that name, and only then removed again at the end.
set -euo pipefail
image=${1:?usage: kind.sh IMAGE [REPORT_DIR]} reports=${2:-soma-conformance-report}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cluster=${KIND_CLUSTER:-soma}

if ! kind get clusters | grep -qx "$cluster"; then
  trap 'kind delete cluster --name "$cluster"' EXIT
  # 7002 is reserved for the gateway of applications; a mapping cannot be added to a cluster that is there.
  kind create cluster --name "$cluster" --wait 3m --config - <<'END'
kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
nodes:
- role: control-plane
  extraPortMappings: [{containerPort: 30702, hostPort: 7002}]
- role: worker
END
  kubectl apply -f "$root/fixtures/soma-infra/namespace.yaml"
  helm upgrade --install soma-infra "${SOMA_INFRA_CHART:-$root/fixtures/soma-infra/chart}" --namespace soma-infra \
    --values "${SOMA_INFRA_VALUES:-$root/fixtures/soma-infra/chart/values-dev.yaml}" --wait --timeout 10m
fi
kind load docker-image --name "$cluster" "$image"
VALUES=${VALUES:-$root/fixtures/soma-infra/judged-public.yaml} "$root/deploy/ci/judge.sh" "$image" "$reports"
