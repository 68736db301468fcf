#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# where: host lab
#
# sockredir: events, limits, order, stopping. Real programs are in sockredir_programs.bats.

# bats sets stderr, make_cgroup sets CG_NAME
# shellcheck disable=SC2154

load ../lib/common
load ../lib/sockredir

test_setup() {
  requires root btf cgroup_v2 netns
  make_cgroup served
  make_net
}

load_within() { within "$CG_served" "$(tool redirect_load)" "$@" "$CG_served"; }

@test "the preflight prints a row for each behaviour, and says whether sockredir starts here" {
  run --separate-stderr "$SOCKREDIR" --preflight -c "$CG_served"
  echo "$output"
  [[ ${lines[0]} == "kernel $(uname -r)" ]]
  for row in redirect fionread fionread-tcp epoll splice sendfile half-close big-write oob miss; do
    grep -Eq "^$row +(ok|limit|BROKEN) " <<<"$output"
  done
  case $status in
  0) grep -q '^sockredir starts here' <<<"$output" ;;
  4) grep -q '^sockredir does not start here' <<<"$output" && grep -q ' BROKEN ' <<<"$output" ;;
  *) return 1 ;;
  esac
  [ -z "$(ls -d "$CG_served"/*/ 2>/dev/null)" ] # its cgroup is gone
  # where nothing is broken without the verdict there is no second column, and with it none is worse
  if grep -q '^behaviour *redirect *verdict' <<<"$output"; then
    grep -Eq '^[a-z-]+ +BROKEN' <<<"$output"
  else
    assert_equal "$(grep -c ' BROKEN ' <<<"$output")" 0
  fi
  run --separate-stderr "$SOCKREDIR" --preflight
  [[ ${lines[0]} == "kernel $(uname -r)" && -z $stderr ]]
}

@test "it starts where the preflight says so, and elsewhere only with --force, naming what is broken" {
  run --separate-stderr "$SOCKREDIR" --preflight
  local allowed=$status
  start sockredir "$SOCKREDIR" -c "$CG_served"
  if [ "$allowed" -eq 0 ]; then
    wait_for_event sockredir ready 60
    stop sockredir TERM
    assert_equal "$status" 0
    return
  fi
  status=0
  wait "${PIDS[sockredir]}" || status=$?
  assert_equal "$status" 4
  grep -q "this kernel breaks 'fionread'" "$OUT/sockredir.err"
  [ ! -s "$OUT/sockredir.out" ]
  start_sockredir "$CG_served" # with --force
}

# bats test_tags=host
@test "what cannot be tried out is not held against the kernel, nor remembered" {
  ip netns add "$UNIQUE-down"
  at_exit ip netns del "$UNIQUE-down"
  # with nothing remembered at the start
  # shellcheck disable=SC2016 # the inner shell expands
  start sockredir unshare --mount bash -c 'mkdir -p /run/netvitals && mount -t tmpfs none /run/netvitals
    in_net() { nsenter --net="/run/netns/$1-down" "${@:2}"; }
    in_net "$1" "$2" -c "$3" 2>"$4/down.err"
    echo $? >"$4/down.status"
    ls /run/netvitals >"$4/remembered.down"
    in_net "$1" "$2" --preflight -c "$3" >"$4/down.preflight"
    in_net "$1" ip link set lo up
    in_net "$1" "$2" -c "$3" --deadman 1s
    ls /run/netvitals >"$4/remembered"' bash "$UNIQUE" "$SOCKREDIR" "$CG_served" "$OUT"
  wait "${PIDS[sockredir]}"
  assert_equal "$(cat "$OUT/down.status")" 4
  grep -q "cannot try out whether this kernel keeps 'redirect' .*127.0.0.1" "$OUT/down.err"
  assert_equal "$(wc -l <"$OUT/down.err")" 1
  grep -q '^redirect  *? .*127.0.0.1' "$OUT/down.preflight"
  grep -q 'does not start here, since it cannot try out' "$OUT/down.preflight"
  # where this kernel breaks something, that is what it says now
  has_event sockredir ready || grep -q 'this kernel breaks' "$OUT/sockredir.err"
  assert_equal "$(grep -c preflight "$OUT/remembered.down")" 0
  grep -q preflight "$OUT/remembered"
}

@test "bytes in redirect events equal the bytes that the programs sent: round trips of 997 bytes" {
  local trips
  trips=$(sized 4999 499)
  start_sockredir "$CG_served"
  run within "$CG_served" python3 - "$trips" <<'PY'
import socket, sys, threading
listener = socket.create_server(("127.0.0.1", 0))
def serve():
    s, _ = listener.accept()
    while True:
        got = 0
        while got < 997:
            piece = s.recv(997 - got)
            if not piece: return
            got += len(piece)
        s.sendall(b"y" * 997)
t = threading.Thread(target=serve); t.start()
c = socket.create_connection(listener.getsockname())
for _ in range(int(sys.argv[1])):
    c.sendall(b"x" * 997)
    got = 0
    while got < 997: got += len(c.recv(997 - got))
c.close(); t.join()
PY
  assert_equal "$status" 0
  stop sockredir TERM
  assert_equal "$status" 0
  assert_equal "$(redirect_sum bytes_redirected)" $((2 * trips * 997))
  assert_equal "$(redirect_sum bytes_passed)" 0
  assert_equal "$(redirect_sum connections)" 1
  assert_jq "$OUT/sockredir.out" '.[0].type == "begin" and .[-1].type == "end" and .[-1].reason == "SIGTERM"'
}

@test "redirected and passed bytes together are all bytes, whatever makes them pass" {
  start_sockredir "$CG_served"
  sent=0
  for options in "" "-o defer" "-o cork" "-o mapped" "-a ::1"; do
    # shellcheck disable=SC2086
    run within "$CG_served" "$(tool tcp_integrity)" -n "$(sized 150 30)" -m 500000 -w 3 $options
    echo "$options: $output"
    assert_equal "$status" 0
    sent=$((sent + ${output##* }))
  done
  stop sockredir TERM
  assert_equal $(($(redirect_sum bytes_redirected) + $(redirect_sum bytes_passed))) "$sent"
  [ "$(redirect_sum bytes_redirected)" -gt 0 ]
}

# bats test_tags=host
@test "IPv6 and IPv4-mapped connections are redirected" {
  start_sockredir "$CG_served" --per-connection
  within "$CG_served" "$(tool tcp_integrity)" -n 20 -m 200 -a ::1
  within "$CG_served" "$(tool tcp_integrity)" -n 20 -m 200 -o mapped
  stop sockredir TERM
  assert_jq "$OUT/sockredir.out" 'map(select(.type == "redirect_conn" and .laddr == "::1" and .bytes_redirected > 0)) | length >= 20'
  assert_jq "$OUT/sockredir.out" 'map(select(.type == "redirect_conn" and .laddr == "127.0.0.1" and .bytes_redirected > 0)) | length >= 20'
}

# bats test_tags=host
@test "packets on lo fall to those that control the connection" {
  requires tcpdump
  start_sockredir "$CG_served"
  start capture nsenter --net="/run/netns/$UNIQUE-net" tcpdump -i lo -n --immediate-mode -U -Z root -w "$OUT/lo.pcap" 'tcp port 17123'
  wait_until 30 grep -q listening "$OUT/capture.err"
  within "$CG_served" python3 - <<'PY'
import socket, threading
listener = socket.create_server(("127.0.0.1", 17123))
def serve():
    s, _ = listener.accept()
    while (data := s.recv(100)): s.sendall(data)
t = threading.Thread(target=serve); t.start()
c = socket.create_connection(("127.0.0.1", 17123))
for _ in range(1009):
    c.sendall(b"z" * 100); c.recv(100)
c.close(); t.join()
PY
  stop capture TERM
  cat "$OUT/capture.err"
  packets=$(tcpdump -r "$OUT/lo.pcap" 2>/dev/null | wc -l)
  payload=$(tcpdump -r "$OUT/lo.pcap" 'tcp[tcpflags] & tcp-push != 0' 2>/dev/null | wc -l)
  echo "packets $packets, with payload $payload"
  [ "$packets" -ge 3 ] && [ "$packets" -le 12 ] && [ "$payload" -eq 0 ]
}

@test "a reader that never reads: the short cut is bounded, then TCP makes the sender wait" {
  start_sockredir "$CG_served" --bound 1M
  run within "$CG_served" python3 - <<'PY'
import socket
listener = socket.create_server(("127.0.0.1", 0))
c = socket.create_connection(listener.getsockname())
s, _ = listener.accept()
c.setblocking(False)
accepted = 0
block = bytes(i * 7 & 255 for i in range(65536))
try:
    while accepted < 1 << 30: accepted += c.send(block)
except BlockingIOError:
    pass
print(accepted)
left = accepted
s.settimeout(5)
at = 0
while left:
    data = s.recv(1 << 20)
    want = (block * (len(data) // 65536 + 2))[at % 65536:][:len(data)]
    assert data == want, "bytes out of order at %d" % at
    at += len(data); left -= len(data)
PY
  echo "accepted before the sender had to wait: $output"
  assert_equal "$status" 0
  [ "$output" -lt $((64 << 20)) ]
  stop sockredir TERM
  [ "$(redirect_sum bytes_redirected)" -le $((1 << 20)) ]
  [ "$(redirect_sum bytes_passed_full)" -gt 0 ]
}

status_of() { "$SOCKREDIR" --status -c "$CG_served" | sed -n "s/^$1: //p"; }
status_is() { [ "$(status_of "$1")" -eq "$2" ]; }

@test "a stream of small writes goes by TCP after 32 of them, and both its sockets leave the map" {
  start_sockredir "$CG_served"
  start_within stream "$CG_served" "$(tool redirect_load)" stream 1024 60000 0 0 tcp "$CG_served"
  wait_until 30 status_is sockets_left 2
  assert_equal "$(status_of sockets)" 0
  kill -0 "${PIDS[stream]}" # it was still running
  stop stream KILL
  stop sockredir TERM
  assert_equal "$(redirect_sum bytes_redirected)" $((32 * 1024))
  [ "$(redirect_sum bytes_passed_small)" -gt 0 ]
}

calls_of_other() { tail -n 1 "$OUT/other.out" | cut -d ' ' -f "$1"; }
other_is_called() { [ "$(calls_of_other 2)" -gt "$1" ] && [ "$(calls_of_other 4)" -gt "$2" ]; }

@test "another program's sock_ops callbacks go on, whichever is attached first, also when sockets leave the map" {
  local first
  for first in other sockredir; do
    [ $first = sockredir ] || start other "$(tool other_sockops)" add "$CG_served"
    start_sockredir "$CG_served"
    [ $first = other ] || start other "$(tool other_sockops)" add "$CG_served"
    wait_until 20 has_output other.out
    start_within stream "$CG_served" "$(tool redirect_load)" stream 1024 60000 0 0 tcp "$CG_served"
    wait_until 30 status_is sockets_left 2
    wait_until 20 other_is_called $(($(calls_of_other 2) + 5)) $(($(calls_of_other 4) + 50))
    stop stream KILL
    stop sockredir TERM
    stop other KILL
  done
}

@test "ends whose callback another program has taken away are forgotten all the same" {
  start_sockredir "$CG_served" --per-connection
  start other "$(tool other_sockops)" replace "$CG_served"
  wait_until 20 has_output other.out
  # of so many, a few closed sockets' memory is written over by others before it is looked at
  connections=$(sized 20000 40)
  within "$CG_served" "$(tool tcp_integrity)" -n "$connections" -m 5000
  wait_until 20 status_is sockets_closed $((2 * connections)) || {
    "$SOCKREDIR" --status -c "$CG_served"
    nsenter --net="/run/netns/$UNIQUE-net" ss -tano
    return 1
  }
  assert_equal "$(status_of sockets)" 0
  stop sockredir TERM
  assert_equal "$(connections_told)" $((2 * connections))
}

# bats test_tags=host
@test "connections that were there before stay plain, and so do those to a peer behind a device" {
  for side in a b; do
    ip netns add "$UNIQUE-$side"
    at_exit ip netns del "$UNIQUE-$side"
    ip -n "$UNIQUE-$side" link set lo up
  done
  ip -n "$UNIQUE-a" link add v0 type veth peer name v0 netns "$UNIQUE-b"
  ip -n "$UNIQUE-a" addr add 198.18.77.1/24 dev v0
  ip -n "$UNIQUE-b" addr add 198.18.77.2/24 dev v0
  ip -n "$UNIQUE-a" link set v0 up
  ip -n "$UNIQUE-b" link set v0 up
  echo 'import socket, sys
l = socket.create_server((sys.argv[1], 17400)); s, _ = l.accept()
while (d := s.recv(100)): s.sendall(d)' >"$OUT/echo.py"
  echo 'import socket, sys
c = socket.create_connection((sys.argv[1], 17400)); print("connected", flush=True)
for line in sys.stdin:
    for _ in range(50):
        c.sendall(b"x" * 50); assert c.recv(100) == b"x" * 50
    print("done", flush=True)' >"$OUT/ask.py"
  start_within old_server "$CG_served" python3 "$OUT/echo.py" 127.0.0.1
  wait_until 30 listens 17400
  mkfifo "$OUT/go"
  start_within old_client "$CG_served" sh -c "exec python3 '$OUT/ask.py' 127.0.0.1 <'$OUT/go'"
  exec 7>"$OUT/go"
  wait_until 30 grep -q connected "$OUT/old_client.out"
  start_sockredir "$CG_served"
  echo go >&7
  wait_until 20 grep -q 'done' "$OUT/old_client.out"
  exec 7>&-
  start_within far_server "$CG_served" ip netns exec "$UNIQUE-b" python3 "$OUT/echo.py" 198.18.77.2
  wait_until 30 far_listens
  echo go | within "$CG_served" ip netns exec "$UNIQUE-a" python3 "$OUT/ask.py" 198.18.77.2
  assert_equal "$(status_of sockets_added)" 0
  stop sockredir TERM
  assert_equal "$(redirect_sum connections)" 0
}

# redirect_conn events, those that the ring could not hold included
connections_told() {
  jq -s 'map(if .type == "redirect_conn" then 1 elif .type == "lost" then .events else 0 end) | add' "$OUT/sockredir.out"
}

far_listens() { [ -n "$(ip netns exec "$UNIQUE-b" ss -Hltn "sport = :17400")" ]; }

# bats test_tags=host
@test "what the ring of notes cannot hold is counted as lost" {
  start_sockredir "$CG_served" --per-connection
  # its ring holds 1 MB; a loader that is stopped does not read it
  kill -STOP "${PIDS[sockredir]}"
  connections=7000
  within "$CG_served" "$(tool tcp_integrity)" -n "$connections" -m 10
  kill -CONT "${PIDS[sockredir]}"
  stop sockredir TERM
  assert_jq "$OUT/sockredir.out" 'any(.type == "redirect_conn") and any(.type == "lost" and .events > 0)'
  assert_equal "$(connections_told)" $((2 * connections))
}

# bats test_tags=host
@test "--shadow redirects nothing and counts what it would" {
  start_sockredir "$CG_served" --shadow
  within "$CG_served" "$(tool tcp_integrity)" -n 50 -m 200
  stop sockredir TERM
  assert_equal "$(redirect_sum bytes_redirected)" 0
  [ "$(redirect_sum bytes_passed_shadow)" -gt 0 ]
}

# bats test_tags=host
@test "--ports leaves other ports alone" {
  start_sockredir "$CG_served" --ports 14001,14010-14020
  within "$CG_served" "$(tool tcp_integrity)" -n 20 -m 200 -p 14000
  within "$CG_served" "$(tool tcp_integrity)" -n 20 -m 200 -p 14015
  stop sockredir TERM
  assert_jq "$OUT/sockredir.out" '[.[] | select(.type == "redirect").port] | unique == [14015]'
}

@test "two namespaces with the same addresses and ports do not meet" {
  ip netns add "$UNIQUE-a"
  at_exit ip netns del "$UNIQUE-a"
  ip netns add "$UNIQUE-b"
  at_exit ip netns del "$UNIQUE-b"
  ip -n "$UNIQUE-a" link set lo up
  ip -n "$UNIQUE-b" link set lo up
  start_sockredir "$CG_served"
  integrity=$(tool tcp_integrity)
  connections=$(sized 700 60)
  start_within a "$CG_served" ip netns exec "$UNIQUE-a" "$integrity" -n "$connections" -m 30000 -p 17000 -s 1
  start_within b "$CG_served" ip netns exec "$UNIQUE-b" "$integrity" -n "$connections" -m 30000 -p 17000 -s 2
  for side in a b; do
    wait "${PIDS[$side]}"
    grep -q "connections $connections " "$OUT/$side.out"
  done
  stop sockredir TERM
  [ "$(redirect_sum bytes_redirected)" -gt 0 ]
}

# bats test_tags=host
@test "a peer in another cgroup is reached by TCP" {
  make_cgroup other
  start_sockredir "$CG_served"
  start_within server "$CG_other" python3 -c 'import socket
l = socket.create_server(("127.0.0.1", 17200)); s, _ = l.accept()
while (d := s.recv(100)): s.sendall(d)'
  wait_until 30 listens 17200
  within "$CG_served" python3 -c 'import socket
c = socket.create_connection(("127.0.0.1", 17200))
for _ in range(101):
    c.sendall(b"x" * 50); assert c.recv(100) == b"x" * 50'
  stop sockredir TERM
  assert_equal "$(redirect_sum bytes_redirected)" 0
  assert_equal "$(redirect_sum bytes_passed_peer)" $((101 * 50))
}

# half_close counts the blocking reads that say EAGAIN, and checks every byte.
half_close() {
  local program
  program=$(tool half_close)
  run within "$CG_served" "$program" "$@"
}

@test "a blocking read after shutdown() does not say EAGAIN if nothing was answered yet, and seldom after an answer" {
  local n
  n=$(sized 200 40)
  start_sockredir "$CG_served"
  half_close asked "$n" 20
  assert_equal "$output" "connections $n again 0"
  # seldom: a server that is just leaving its send cannot be told from one inside it
  half_close answered "$n" 20
  assert_equal "$status" 0
  [ "${output##* }" -le $((n / 4)) ]
}

@test "a client that shuts down while another thread of the server sends gets every byte" {
  local n
  n=$(sized 500 40)
  start_sockredir "$CG_served"
  half_close pushing "$n" 20
  assert_equal "${output% again *}" "connections $n"
}

traffic_flows() { [ "$(redirect_sum connections)" -gt 20 ]; }

@test "SIGTERM or SIGKILL in the middle of transfers loses nothing and leaves nothing behind" {
  for signal in TERM KILL; do
    start_sockredir "$CG_served"
    objects_of "${PIDS[sockredir]}" >"$OUT/objects"
    for kind in prog map link; do grep -q "^$kind " "$OUT/objects"; done
    if are_gone "$OUT/objects"; then return 1; fi
    start_within traffic "$CG_served" "$(tool tcp_integrity)" -n "$(sized 400 120)" -m 2000000 -w 4
    wait_until 30 traffic_flows
    stop sockredir "$signal"
    wait "${PIDS[traffic]}" || { cat "$OUT/traffic.err"; return 1; }
    wait_until 20 are_gone "$OUT/objects"
    # the lock goes with the process, its files at a stop or with the next start
    [ "$signal" = KILL ] || [ -z "$(files_of_instance)" ]
  done
}

files_of_instance() { find /run -maxdepth 2 -name "sockredir-$(stat -c %i "$CG_served").*" 2>/dev/null; }

@test "--status, --stop; a second instance says who holds the cgroup" {
  start_sockredir "$CG_served"
  run --separate-stderr "$SOCKREDIR" --status -c "$CG_served"
  assert_equal "$status" 0
  grep -q "^pid: ${PIDS[sockredir]}$" <<<"$output"
  run --separate-stderr "$SOCKREDIR" -c "$CG_served"
  assert_equal "$status" 1
  [[ $stderr == *"held by sockredir, process ${PIDS[sockredir]}"* ]]
  run "$SOCKREDIR" --stop -c "$CG_served"
  assert_equal "$status" 0
  wait "${PIDS[sockredir]}"
  assert_jq "$OUT/sockredir.out" '.[-1] | .type == "end" and .reason == "stop"'
  run "$SOCKREDIR" --status -c "$CG_served"
  assert_equal "$status" 1
}

@test "a reader of its events that does not read does not keep it from answering and stopping" {
  mkfifo "$OUT/events"
  local how
  for how in TERM stop; do
    start reader "$ROOT/tests/lib/stuck-reader" "$OUT/events"
    # shellcheck disable=SC2016 # the inner shell expands
    start sockredir sh -c 'exec "$@" >"$0"' "$OUT/events" "$SOCKREDIR" -c "$CG_served" --interval 10ms --force
    wait_until 60 status_is sockets_added 0 2>/dev/null # it serves now: connections before would stay plain
    # one that is open is told of in each interval
    start_within traffic "$CG_served" "$(tool redirect_load)" rtt 100 60000 0 0 tcp "$CG_served"
    wait_until 60 has_output reader.out
    grep -q "^pid: ${PIDS[sockredir]}$" <<<"$("$SOCKREDIR" --status -c "$CG_served")"
    if [ $how = TERM ]; then kill -TERM "${PIDS[sockredir]}"; else timeout 30 "$SOCKREDIR" --stop -c "$CG_served"; fi
    wait_until 20 is_gone sockredir
    stop sockredir KILL
    assert_equal "$status" 1
    assert_equal "$(grep -c 'whoever should read stdout does not: [1-9][0-9]* lines are lost' "$OUT/sockredir.err")" 1
    stop traffic KILL
    stop reader KILL
  done
}

# bats test_tags=host
@test "--deadman stops by itself; --renew puts it off" {
  start sockredir "$SOCKREDIR" -c "$CG_served" --deadman 10s --force
  wait_for_event sockredir ready 120
  sleep 1 # so much later it must end than without being renewed
  local renewed_us
  renewed_us=$(date +%s%6N)
  "$SOCKREDIR" --renew -c "$CG_served"
  wait_until 30 has_event sockredir end
  wait "${PIDS[sockredir]}"
  assert_jq "$OUT/sockredir.out" '.[-1].reason == "deadman"'
  assert_jq "$OUT/sockredir.out" ".[-1].ts_us >= $renewed_us + 9900000"
}

# bats test_tags=host
@test "--deadman holds even if the loader hangs: the kernel redirects nothing after that time" {
  start sockredir "$SOCKREDIR" -c "$CG_served" --deadman 2s --force
  wait_for_event sockredir ready 120
  kill -STOP "${PIDS[sockredir]}"
  sleep 2.1 # nothing tells that the time is over: who would is stopped
  within "$CG_served" "$(tool tcp_integrity)" -n 50 -m 3000
  kill -CONT "${PIDS[sockredir]}"
  wait "${PIDS[sockredir]}"
  assert_equal "$(redirect_sum bytes_redirected)" 0
  [ "$(redirect_sum bytes_passed_stop)" -gt 0 ]
}

# bats test_tags=host
@test "it keeps no capabilities once it is attached" {
  start_sockredir "$CG_served"
  assert_equal "$(awk '/^CapEff|^CapPrm|^CapBnd/ { print $2 }' "/proc/${PIDS[sockredir]}/status" | sort -u)" 0000000000000000
  assert_equal "$(awk '/^NoNewPrivs/ { print $2 }' "/proc/${PIDS[sockredir]}/status")" 1
}

# bats test_tags=host
@test "wrong calls: no cgroup, not a cgroup, cgroup v1, no capabilities, bad ports" {
  run --separate-stderr "$SOCKREDIR"
  assert_equal "$status" 2
  run --separate-stderr "$SOCKREDIR" -c /tmp
  assert_equal "$status" 2
  [[ $stderr == *"/tmp is not a cgroup"* ]] && [ "${#stderr_lines[@]}" -eq 1 ]
  run --separate-stderr "$SOCKREDIR" -c "$CG_served" --ports 80-70
  assert_equal "$status" 2
  run --separate-stderr setpriv --bounding-set -all --inh-caps -all --reuid 65534 --clear-groups "$SOCKREDIR" -c "$CG_served"
  assert_equal "$status" 4
  [[ $stderr == *"lacks CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON"* ]] && [ "${#stderr_lines[@]}" -eq 1 ]
}

# bats test_tags=host
@test "a kernel before 5.15 is refused in one line" {
  command -v gcc >/dev/null || skip "needs gcc"
  # libbpf finds no network namespace cookie
  gcc -shared -fPIC -x c -o "$OUT/old.so" - <<'C'
int libbpf_probe_bpf_helper(int type, int helper, const void *opts) { return (void)type, (void)opts, helper != 122; }
C
  run --separate-stderr env LD_PRELOAD="$OUT/old.so" "$SOCKREDIR" -c "$CG_served"
  assert_equal "$status" 4
  [[ $stderr == *"use Linux 5.15 or newer"* ]] && [ "${#stderr_lines[@]}" -eq 1 ]
}

# bats test_tags=host
@test "a cgroup of a v1 hierarchy is refused by name" {
  requires cgroup_v1
  v1=$(awk '$3 == "cgroup" { print $2; exit }' /proc/mounts)
  run --separate-stderr "$SOCKREDIR" -c "$v1"
  assert_equal "$status" 2
  [[ $stderr == *"v1 hierarchy"* ]]
}
