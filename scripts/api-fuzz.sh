#!/bin/sh
# api-fuzz.sh: asks a debug `assetlab` for API_FUZZ_SECONDS (default 600) all that its OpenAPI document allows, and what
# it does not: a third of the time with ids made up, a third about a video that is there, a third about an upload that
# has begun. A 5xx that no standard asks for, a status or a code that the route's description lacks, or an answer of
# another shape is a failure. What is sent depends on API_FUZZ_SEED alone.
set -eu
cd "$(dirname "$0")/.."

seconds=${API_FUZZ_SECONDS:-600}
seed=${API_FUZZ_SEED:-1}
tools=$PWD/target/schemathesis/bin
folder=$(mktemp -d)
server=
finish() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    [ -z "$server" ] || wait "$server" 2>/dev/null || true
    rm -rf "$folder"
}
trap finish EXIT
trap 'exit 130' INT TERM

# Rates would answer for the routes.
many=1000000/1s
env BIND=127.0.0.1 PORT=0 S3_PORT=0 DATA_DIR="$folder/data" ADMIN_TOKEN=fuzz UPLOAD_IDLE_TIMEOUT=2s RUST_LOG=warn \
    UPLOAD_RATE=$many UPLOAD_RATE_PER_TOKEN=$many SIGNING_RATE=$many SIGNING_RATE_PER_TOKEN=$many FAILED_TOKEN_RATE=$many \
    target/debug/assetlab >"$folder/printed" 2>"$folder/log" &
server=$!

# Prints what `$@` says as soon as it says something.
soon() {
    tries=0
    until said=$("$@") && [ -n "$said" ]; do
        tries=$((tries + 1))
        [ "$tries" -lt 600 ] || { echo "nothing from: $*" >&2; cat "$folder/log" >&2; exit 1; }
        sleep 0.2
    done
    echo "$said"
}
link() { sed -n 's|.*\(http://[^/]*\)/#token=.*|\1|p' "$folder/printed" | head -n 1; }
done_video() { curl -sS "$site/api/video/$video/status" | grep -o '"status":"done"' || true; }

site=$(soon link)
video=$(curl -sS -H 'Authorization: Bearer fuzz' -F file=@fixtures/butterfly_720p2997_7s.mp4 "$site/api/upload" |
    sed -E 's/.*"id":"([^"]+)".*/\1/')
soon done_video >"$folder/done"

curl -sS "$site/api/openapi.json" >"$folder/openapi.json"
"$tools/openapi-spec-validator" "$folder/openapi.json"

upload=$(curl -sS -H 'Authorization: Bearer fuzz' -d '{"len_bytes": 20000000}' "$site/api/uploads" |
    sed -E 's/.*"id":"([^"]+)".*/\1/')
printf '[parameters]\n"path.id" = "%s"\n' "$video" >"$folder/known.toml"
printf '[parameters]\n"path.id" = "%s"\n' "$upload" >"$folder/begun.toml"
: >"$folder/random.toml"
# oEmbed wants 501 for a format that a server does not have (oembed.com).
for ids in random known begun; do
    cat >>"$folder/$ids.toml" <<'END'
[[operations]]
include-path = "/api/oembed"
checks.not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", 501]
END
done
# tus sends bytes under a type of its own.
cat >"$folder/hooks.py" <<'END'
import schemathesis
schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")
END
failed=0
cd "$folder"
# Whether a file is a video, or a cursor this server's, no schema says; what is stored whole has no parts to ask for; and
# who does not speak tus is told so first, with 412, whatever else is missing.
for ids in random known begun; do
    case $ids in
    random) some= ;;
    known) some="--include-method GET" ;;
    # Given up, it would be there no more.
    begun) some="--include-path-regex ^/api/uploads/ --exclude-method DELETE" ;;
    esac
    # shellcheck disable=SC2086 # words
    SCHEMATHESIS_HOOKS=hooks "$tools/schemathesis" --config-file "$ids.toml" run "$site/api/openapi.json" $some \
        --header 'Authorization: Bearer fuzz' --max-time $((seconds / 3)) --seed "$seed" \
        --exclude-checks \
        positive_data_acceptance,negative_data_rejection,ensure_resource_availability,missing_required_header \
        --continue-on-failure --request-timeout 60 --warnings off >"$ids.out" 2>&1 || failed=1
    if [ "$failed" = 1 ]; then
        cat "$ids.out" "$folder/log"
        exit 1
    fi
    echo "ids $ids: $(sed -n '/^Test cases:/{n;p;}' "$ids.out" | xargs), $(sed -n 's/^  *Tested: /operations /p' "$ids.out")"
done
