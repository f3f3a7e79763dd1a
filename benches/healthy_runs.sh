#!/usr/bin/env bash
# healthy_runs.sh [RUNS]: no false red. Judges healthy stacks again and again, plain and hardened: alone, under load on every
# core, and four at once; and counts the verdicts. Ends with 1 when any run of a healthy stack is not READY.
set -euo pipefail
runs=${1:-50}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}/debug
work=$(mktemp -d)
load=()
finish() {
  for pid in "${load[@]}"; do kill "$pid" 2>/dev/null || true; done
  rm -rf "$work"
}
trap finish EXIT
# Others may build while this runs; every run is made with the same program.
cp "$target/soma-conformance" "$target/soma-stack" "$work/"

# one STAGE NUMBER: judges once; the verdict goes into a file of its own.
cat >"$work/one.sh" <<'END'
code=0
"$WORK/soma-conformance" run --config "$SOMA_CONFORMANCE_CONFIG" --report-dir "$WORK/$1-$2" --format json >"$WORK/$1-$2.json" 2>"$WORK/$1-$2.err" || code=$?
echo "$code" >"$WORK/$1-$2.code"
[ "$code" = 0 ] || python3 - "$WORK/$1-$2.json" <<'PY'
import json, sys
for check in json.load(open(sys.argv[1]))["checks"]:
    if check["verdict"] in ("fail", "error", "not_run"):
        print(f'  {check["id"]}: {check["verdict"]}: {check.get("observed")}')
PY
rm -rf "$WORK/$1-$2"
END

# stage NAME RUNS STACK-OPTIONS...: its runs, a third each alone, under load, and four at once.
cat >"$work/stage.sh" <<'END'
name=$1 runs=$2 third=$(($2 / 3))
for i in $(seq 1 $third); do bash "$WORK/one.sh" "$name" "alone-$i"; done
spin=()
for _ in $(seq "$(nproc)"); do (while :; do :; done) & spin+=($!); done
for i in $(seq 1 $third); do bash "$WORK/one.sh" "$name" "loaded-$i"; done
for pid in "${spin[@]}"; do kill "$pid"; done
left=$((runs - 2 * third)) i=0
while [ $i -lt $left ]; do
  at_once=()
  for _ in 1 2 3 4; do
    [ $i -lt $left ] || break
    i=$((i + 1))
    bash "$WORK/one.sh" "$name" "at-once-$i" & at_once+=($!)
  done
  for pid in "${at_once[@]}"; do wait "$pid"; done
done
END
export WORK=$work
for stage in plain hardened; do
  options=(--mode "$stage")
  [ "$stage" = plain ] || options+=(--kafka-nodes 3 --etcd-members 3)
  echo "$stage: $runs runs"
  "$work/soma-stack" run "${options[@]}" -- bash "$work/stage.sh" "$stage" "$runs"
  ready=$(cat "$work/$stage"-*.code | grep -cx 0 || true)
  echo "$stage: $ready of $runs READY"
  [ "$ready" = "$runs" ] || failed=1
done
exit "${failed:-0}"
