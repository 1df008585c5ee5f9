#!/usr/bin/env bash
# Two replicas behind haproxy on loopback, with the configuration that compose.yaml uses. While 16 clients send requests, one replica is
# stopped and started again, then the other: every request must be answered 200, and each replica must end with exit code 0.
#
#   docker/scale-out-test.sh path/to/DeconvService.Api.dll          needs haproxy and curl; no container engine
set -euo pipefail
dll=$(realpath "$1")
here=$(cd "$(dirname "$0")" && pwd)
port=${PORT:-18080}
work=$(mktemp -d)
declare -A replica
proxy=
cleanup() { for pid in $proxy "${replica[@]}"; do kill "$pid" 2>/dev/null || true; done; wait; rm -rf "$work"; }
trap cleanup EXIT

start() { # NUMBER
  ASPNETCORE_URLS=http://127.0.0.1:$((port + $1)) Limits__ShutdownPauseSeconds=3 Serilog__MinimumLevel__Default=Warning \
    dotnet "$dll" > "$work/replica$1.log" 2>&1 & replica[$1]=$!
  for _ in $(seq 300); do
    if curl -sf -m 1 -o "$work/null" "http://127.0.0.1:$((port + $1))/health/ready"; then return; fi
    sleep 0.1
  done
  echo "replica $1 is not ready"; cat "$work/replica$1.log"; exit 1
}
stop() { # NUMBER
  local code=0
  kill -TERM "${replica[$1]}"
  wait "${replica[$1]}" || code=$?
  unset "replica[$1]"
  echo "replica $1 was stopped while requests ran, exit code $code"
  [ $code = 0 ]
}

# The replicas stand here by address, where compose.yaml has them by name.
sed -e "s/bind :8080/bind 127.0.0.1:$port/" -e '/^resolvers/,$d' \
  -e "s/server-template deconv 16 deconv:8080 \(.*\) resolvers.*/server one 127.0.0.1:$((port + 1)) \1\n    server two 127.0.0.1:$((port + 2)) \1/" \
  "$here/haproxy.cfg" > "$work/haproxy.cfg"

start 1; start 2
haproxy -f "$work/haproxy.cfg" > "$work/haproxy.log" 2>&1 & proxy=$!
sleep 2

# A layer that takes some milliseconds: 8 channels of 64 x 64, 16 kernels of 3 x 3.
awk 'BEGIN { srand(1); n = 8 * 64 * 64; printf "{\"input\":{\"shape\":[1,8,64,64],\"data\":["
  for (i = 0; i < n; i++) printf "%s%.3f", i ? "," : "", rand(); m = 16 * 8 * 9; printf "]},\"weight\":{\"shape\":[16,8,3,3],\"data\":["
  for (i = 0; i < m; i++) printf "%s%.3f", i ? "," : "", rand(); printf "]},\"padding\":1}" }' > "$work/body.json"

touch "$work/running"
for client in $(seq 16); do
  while [ -e "$work/running" ]; do
    curl -s -m 60 -o "$work/answer$client" -w '%{http_code} %{errormsg}\n' -H 'Content-Type: application/json' -H 'Accept: application/x-npy' \
      --data-binary "@$work/body.json" "http://127.0.0.1:$port/v1/conv" || true
  done > "$work/status$client" &
  clients+=($!)
done
sleep 2; stop 1; sleep 1; start 1; sleep 2; stop 2; sleep 1; start 2; sleep 1
rm "$work/running"; wait "${clients[@]}"

total=$(cat "$work"/status* | wc -l)
lost=$(cat "$work"/status* | grep -cv '^200 ' || true)
echo "$total requests, $lost lost"
if [ "$lost" != 0 ] || [ "$total" -lt 50 ]; then sort "$work"/status* | uniq -c; grep -E " 503 |DOWN|UP" "$work"/haproxy.log | head -n 60; exit 1; fi
