#!/usr/bin/env bash
# As a new user would: clone the committed state into an empty folder, `npm ci && npm start`, paste the printed lines, start again,
# and the same without any network. Prints how long each took; fails when a line does not answer with the tenant's rows.
#
#   scripts/fresh-clone.sh            as whoever calls it; for root, in a folder of mode 700
#   scripts/fresh-clone.sh --user     as another, ordinary user (needs root)
#   scripts/fresh-clone.sh --test     also runs `npm test` there, without network when root
set -euo pipefail

source=$(git -C "$(dirname "$0")" rev-parse --show-toplevel)
with_tests=0
as_user=()
for option in "$@"; do
  case $option in
    --test) with_tests=1 ;;
    --user)
      id rowhouse-try >/dev/null 2>&1 || useradd --create-home rowhouse-try
      as_user=(runuser -u rowhouse-try --)
      ;;
    *) echo "unknown option $option" >&2; exit 2 ;;
  esac
done

folder=$("${as_user[@]}" mktemp -d)
port=$((20000 + RANDOM % 20000))
server=
cleanup() {
  [ -z "$server" ] || kill "$server" 2>/dev/null || true
  [ -z "$server" ] || wait "$server" 2>/dev/null || true
  rm -rf "$folder"
}
trap cleanup EXIT
echo "user $("${as_user[@]}" id -un), folder $folder ($(stat -c %a "$folder"))"

as() { "${as_user[@]}" env HOME="$folder" bash -c "cd '$folder/rowhouse' && $1"; }
seconds() { awk "BEGIN { printf \"%.1f s\n\", $(date +%s.%N) - $1 }"; }

git clone --quiet "file://$source" "$folder/rowhouse"
[ ${#as_user[@]} -eq 0 ] || chown -R rowhouse-try "$folder"
begin=$(date +%s.%N)
as "npm ci --silent 2>/dev/null"
echo "npm ci          $(seconds "$begin")"

# $1: what comes before the command, as `unshare` does for a machine without network
start() {
  begin=$(date +%s.%N)
  : > "$folder/start.json"
  chmod 666 "$folder/start.json"
  "${as_user[@]}" env HOME="$folder" PORT="$port" bash -c "cd '$folder/rowhouse' && exec npm start --silent -- --json" \
    > "$folder/start.json" 2> "$folder/start.log" &
  server=$!
  until [ -s "$folder/start.json" ]; do
    kill -0 "$server" 2>/dev/null || { cat "$folder/start.log" >&2; exit 1; }
    sleep 0.05
  done
}

stop() {
  kill -TERM "$server"
  wait "$server" 2>/dev/null || true
  server=
  # npm ends before the server that it started, which has its database to stop.
  for _ in $(seq 100); do
    [ -e "$folder/rowhouse/.rowhouse/rowhouse.lock" ] || return 0
    sleep 0.1
  done
  echo "the server did not end" >&2
  exit 1
}

# Runs a printed line as pasted, and wants three rows of it.
paste() {
  line=$(node -p "JSON.parse(require('fs').readFileSync('$folder/start.json', 'utf8')).$1")
  printf '%s\n' "$line" > "$folder/line.sh"
  answer=$("${as_user[@]}" env HOME="$folder" bash -c "cd '$folder/rowhouse' && bash '$folder/line.sh' 2>/dev/null")
  rows=$(grep -o "city" <<< "$answer" | wc -l)
  [ "$rows" -eq 3 ] || { echo "$1 answered: $answer" >&2; exit 1; }
  echo "$1 line       3 rows"
}

start; echo "first start     $(seconds "$begin")"
paste curl; paste supabase
stop
start; echo "second start    $(seconds "$begin")"
stop

if [ "$(id -u)" -eq 0 ]; then
  offline="unshare --net bash -c 'ip link set lo up && exec \"\$0\" \"\$@\"'"
  run_offline() { eval "$offline \"\$@\""; }
  begin=$(date +%s.%N)
  run_offline "${as_user[@]}" env HOME="$folder" PORT="$port" bash -c "
    cd '$folder/rowhouse' && rm -rf .rowhouse && (npm start --silent -- --json > '$folder/start.json' 2>/dev/null & echo \$! > '$folder/pid')
    for _ in \$(seq 600); do [ -s '$folder/start.json' ] && break; sleep 0.1; done
    token=\$(node -p \"JSON.parse(require('fs').readFileSync('$folder/start.json', 'utf8')).tenants[0].token\")
    curl -sS --fail-with-body -o /dev/null -H \"Authorization: Bearer \$token\" 'http://acme.localhost:$port/rest/v1/customers?limit=1'
    kill -TERM \$(cat '$folder/pid'); sleep 2"
  echo "offline start   $(seconds "$begin"), stop included"
fi

if [ $with_tests -eq 1 ]; then
  begin=$(date +%s.%N)
  if [ "$(id -u)" -eq 0 ]; then
    run_offline "${as_user[@]}" env HOME="$folder" bash -c "cd '$folder/rowhouse' && npm test --silent 2>&1" | tail -n 8
  else
    as "npm test --silent 2>&1" | tail -n 8
  fi
  echo "npm test        $(seconds "$begin")"
fi
