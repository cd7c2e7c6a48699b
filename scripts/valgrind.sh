#!/bin/sh
# Runs tests of the transcoder under valgrind: the unit tests, and the hostile files that are handled in the tests' own
# process, clips of all kinds, cut and damaged ones among them. Fails on an invalid access, on a decision taken on
# uninitialised memory, and on memory that is lost for good. Or, with arguments, transcodes these files: valgrind.sh FILE…
set -eu
cd "$(dirname "$0")/.."

check="valgrind --quiet --error-exitcode=9 --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite
       --num-callers=30 --suppressions=scripts/valgrind.supp"

if [ $# -gt 0 ]; then
    cargo build --locked --quiet -p transcode --example file_to_folder
    folder=$(mktemp -d)
    trap 'rm -r "$folder"' EXIT
    for file in "$@"; do
        status=0
        # shellcheck disable=SC2086 # a command and its options
        $check target/debug/examples/file_to_folder "$file" "$folder" >/dev/null || status=$?
        # To refuse a file is no error here.
        if [ "$status" != 0 ] && [ "$status" != 1 ]; then
            echo "$file: valgrind or the program failed ($status)" >&2
            exit "$status"
        fi
    done
    exit 0
fi

binary() { # binary NAME: where cargo put a test
    cargo test --locked -p transcode "$@" --no-run 2>&1 | sed -n 's/.*Executable .*(\(.*\))$/\1/p'
}
unit=$(binary --lib)
hostile=$(binary --test hostile)
# shellcheck disable=SC2086
$check "$unit" --test-threads=1
# Whatever runs in a child process would not be seen.
for tests in damage::a_broken references scripts::scripts names; do
    # shellcheck disable=SC2086
    $check "$hostile" --test-threads=1 "$tests"
done
