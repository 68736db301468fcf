#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What is made from the option tables: help, man pages, completions.

load ../lib/common

programs() { for p in netvitals sockredir xdpacct; do [ -x "$BUILD/bin/$p" ] && echo "$BUILD/bin/$p"; done; }

# "COMMAND OPTION HELP" for every option of a program, from its fish completions; no command where it has no name.
rows() { "$1" --completion=fish | sed -nE "s/ -n 'not [^']*'//; s/^complete -c [a-z]+( -n '__fish_seen_subcommand_from ([a-z]+)')?( -s .)? -l ([a-z0-9-]+).* -d '(.*)'\$/\2 \4 \5/p"; }

# plain: of the programs as they are built
# bats test_tags=plain
@test "every option has help without a final stop, and none stands twice" {
  local p
  for p in $(programs); do
    rows "$p" >"$OUT/rows"
    [ "$(wc -l <"$OUT/rows")" -gt 3 ]
    assert_equal "$(awk '{ print $1, $2 }' "$OUT/rows" | sed 's/^ //' | sort | uniq -d)" ""
    run grep -E '(\.|[a-z0-9-]+ )$' "$OUT/rows"
    assert_equal "$output" ""
  done
}

commands() { "$1" --help | sed -n '/^Commands:/,/^'"'"'/s/^  \([a-z]*\) .*/\1/p'; }

# Help of the command, or of the program where it has no name, against the rows of its options.
names_every_option() { # PROGRAM [COMMAND]
  local option
  "$1" ${2:+"$2"} --help >"$OUT/help"
  rows "$1" | awk -v c="${2-}" 'c ? $1 == c : /^ / { print c ? $2 : $1 }' >"$OUT/options"
  [ -s "$OUT/options" ]
  while read -r option; do grep -q -- "--$option\b" "$OUT/help"; done <"$OUT/options"
  grep -q '^Exit codes: ' "$OUT/help"
}

@test "every command's help names every option of it" {
  local command
  commands "$NETVITALS" >"$OUT/commands"
  [ "$(wc -l <"$OUT/commands")" -ge 7 ]
  while read -r command; do
    names_every_option "$NETVITALS" "$command"
  done <"$OUT/commands"
}

# plain: of the programs as they are built
# bats test_tags=plain
@test "a program that runs without a command lists the commands that it has beside" {
  names_every_option "$BUILD/bin/sockredir"
  run commands "$BUILD/bin/sockredir"
  assert_equal "$output" ""
  names_every_option "$BUILD/bin/xdpacct"
  run commands "$BUILD/bin/xdpacct"
  assert_equal "$output" $'probe\ndiag'
  names_every_option "$BUILD/bin/xdpacct" probe
  names_every_option "$BUILD/bin/xdpacct" diag
}

# plain: of the programs as they are built
# bats test_tags=plain
@test "mandoc has nothing to say about the man pages" {
  requires mandoc
  local p
  for p in $(programs); do
    "$p" --man >"$OUT/${p##*/}.1"
    run mandoc -Tlint -W warning "$OUT/${p##*/}.1"
    assert_equal "$output" ""
    mandoc -Tutf8 "$OUT/${p##*/}.1" | sed 's/.\x08//g' | grep -q 'EXIT STATUS'
  done
}

# complete_with PROGRAM WORD… : what stands for the last word.
complete_with() {
  (
    # shellcheck disable=SC1090 # made by the program
    . <("$BUILD/bin/$1" --completion=bash)
    cd "$OUT" || exit
    # shellcheck disable=SC2034 # the completion reads it
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
    "_$1"
    printf '%s\n' "${COMPREPLY[@]}"
  )
}

@test "completions offer commands, names of reports, options and their choices" {
  complete_with netvitals re | grep -qx report
  complete_with netvitals report r | grep -qx rtt
  complete_with netvitals report --for | grep -qx -- --format
  complete_with netvitals report --format o | grep -qx openmetrics
  complete_with netvitals report -f h | grep -qx html
  complete_with netvitals push s | grep -qx statsd
  touch "$OUT/two words"
  complete_with netvitals report two | grep -qx 'two words'
  assert_equal "$(complete_with netvitals report --format '' | grep -cx 'two words')" 0
}

# plain: of the program as it is built
# bats test_tags=plain
@test "completions of a program that runs without a command, too, know which is given" {
  assert_equal "$(complete_with xdpacct pr)" probe
  assert_equal "$(complete_with xdpacct --dr)" --drop
  assert_equal "$(complete_with xdpacct -i eth0 --dr)" --drop
  assert_equal "$(complete_with xdpacct --frags o)" $'on\noff'
  assert_equal "$(complete_with xdpacct probe --d)" --duration
  assert_equal "$(complete_with xdpacct probe --mode na)" native
  assert_equal "$(complete_with xdpacct diag --n)" --no-trial
  assert_equal "$(complete_with xdpacct diag --frags o)" ""
  # as the name of a file
  assert_equal "$(complete_with xdpacct --read pr)" ""
  "$BUILD/bin/xdpacct" --completion=zsh >"$OUT/zsh"
  grep -q '^#compdef xdpacct$' "$OUT/zsh"
  run -1 grep -q mapfile "$OUT/zsh"
  "$BUILD/bin/xdpacct" --completion=fish >"$OUT/fish"
  grep -q "^complete -c xdpacct -n 'not __fish_seen_subcommand_from probe diag' -l drop" "$OUT/fish"
  grep -q "^complete -c xdpacct -n '__fish_seen_subcommand_from diag' -l no-trial" "$OUT/fish"
  "$BUILD/bin/sockredir" --completion=fish >"$OUT/fish"
  grep -q "^complete -c sockredir -l preflight" "$OUT/fish"
}

# plain: of the program as it is built
# bats test_tags=plain
@test "xdpacct diag exits as its help says: 4 where something stands in the way, as a missing interface" {
  run "$BUILD/bin/xdpacct" diag --help
  [[ $output == *"Exit codes: 0 nothing is known to stand in the way, 1 failed, 2 usage, 4 something does"* ]]
  run -4 --separate-stderr "$BUILD/bin/xdpacct" diag -i nosuch
  [[ ${lines[-1]} == "verdict: there is no such interface"* ]]
  run -2 "$BUILD/bin/xdpacct" diag
}

@test "a wrong call of check is UNKNOWN to a monitoring system, not CRITICAL" {
  run "$NETVITALS" check rtt --no-such-option
  assert_equal "$status" 3
  run "$NETVITALS" check rtt --max-age never
  assert_equal "$status" 3
  run "$NETVITALS" check nothing
  assert_equal "$status" 3
}

@test "check loss judges the stream itself" {
  run --separate-stderr "$NETVITALS" check loss "$FIXTURES/report-rtt.ndjson"
  assert_equal "$status" 1
  assert_equal "$output" "LOSS WARNING - 3 of 216 events lost, 1 malformed lines, 0 B not accounted | lost=3c rejected=1c unaccounted=0B loss=1.8433%"
  run "$NETVITALS" check loss --crit-loss 1% "$FIXTURES/report-rtt.ndjson"
  assert_equal "$status" 2
  run "$NETVITALS" check loss --warn-loss 10% "$FIXTURES/report-rtt.ndjson"
  assert_equal "$status" 0
  echo '{"type":"begin","ts_us":1790000000000000,"tool":"x"}' >"$OUT/in"
  run "$NETVITALS" check loss "$OUT/in"
  assert_equal "$status" 1
  [[ $output == *"1 streams without end"* ]]
  run "$NETVITALS" check loss --live "$OUT/in"
  assert_equal "$status" 0
  run "$NETVITALS" check loss /dev/null
  assert_equal "$status" 3
}
