#!/usr/bin/env bash
# The library's example: islands as threads and as processes end with the same bits.
# Mutation: in own_loop.cpp give `inputs` the process's id.
set -euo pipefail
own_loop=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

"$own_loop" > "$folder/threads" 2> "$folder/threads.log"
"$own_loop" coordinator > "$folder/address" 2> "$folder/coordinator.log" &
coordinator=$!
for _ in $(seq 100); do [ -s "$folder/address" ] && break; sleep 0.1; done
address=$(cat "$folder/address")
"$own_loop" island island-0 "$address" > "$folder/zero" 2> "$folder/zero.log" &
zero=$!
"$own_loop" island island-1 "$address" > "$folder/one" 2> "$folder/one.log"
wait $zero
wait $coordinator

cat "$folder/threads" "$folder/zero" "$folder/one"
[ "$(cat "$folder/threads" "$folder/zero" "$folder/one" | sort -u | wc -l)" = 1 ]
[ "$(cat "$folder/threads" "$folder/zero" "$folder/one" | wc -l)" = 4 ]
grep -q "step 60: round 5 of fragment 1 applied, 2 islands in it" "$folder/zero.log"
