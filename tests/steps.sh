# Sourced by tests/run and .ci/run: named, timed steps, and one line at the end that counts them.
# A step that runs tests counts as those.

passed=0
failed=0
skipped=0
failures=()

# step NAME COMMAND…: counts as one.
step() {
  local name=$1 start=$SECONDS code
  shift
  printf '\n== %s\n' "$name"
  "$@"
  code=$?
  if ((code == 0)); then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    failures+=("$name")
  fi
  tell "$name" "$code" "$start"
  return "$code"
}

# step_of_tests NAME COMMAND…: counts as the tests that the command reports.
step_of_tests() {
  local name=$1 start=$SECONDS code output
  shift
  output=$(mktemp) || exit 3
  printf '\n== %s\n' "$name"
  "$@" 2>&1 | tee "$output"
  code=${PIPESTATUS[0]}
  local ok bad left
  ok=$(count "$output" passed)
  bad=$(count "$output" failed)
  left=$(count "$output" skipped)
  rm -f "$output"
  if ((code == 0 && ok == 0)); then
    echo "$name: no test ran"
    code=1
  fi
  # Something else than a test went wrong: it did not build, or it ended early.
  if ((code != 0 && bad == 0)); then
    bad=1
  fi
  passed=$((passed + ok))
  failed=$((failed + bad))
  skipped=$((skipped + left))
  ((code == 0)) || failures+=("$name")
  tell "$name" "$code" "$start"
  return "$code"
}

# count FILE WORD: from a last line such as our own, "12 passed, 0 failed", else from the lines of
# `cargo test`.
count() {
  { tail -n 1 "$1" | grep -E '^[0-9]+ passed, [0-9]+ failed' || grep '^test result: ' "$1"; } |
    grep -oE "[0-9]+ $2" | awk '{n += $1} END {print n + 0}'
}

tell() {
  local word=ok
  (($2 == 0)) || word=FAILED
  printf -- '-- %s: %s, %d s\n' "$1" "$word" $((SECONDS - $3))
}

# Prints the sum and ends.
finish() {
  echo
  ((${#failures[@]} == 0)) || printf 'failed: %s\n' "${failures[@]}"
  printf '%d passed, %d failed' "$passed" "$failed"
  ((skipped == 0)) || printf ', %d skipped (said above why)' "$skipped"
  echo
  ((failed == 0 && ${#failures[@]} == 0))
  exit
}
