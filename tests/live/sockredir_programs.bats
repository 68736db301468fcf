#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# sockredir: real programs, unmodified, through the redirect. Each test also looks that it was one.

# bats sets stderr, make_cgroup sets CG_NAME
# shellcheck disable=SC2154

load ../lib/common
load ../lib/sockredir

test_setup() {
  requires root btf cgroup_v2 netns
  make_cgroup served
  make_net
  start_sockredir "$CG_served"
}

here() { within "$CG_served" "$@"; }

# Stops sockredir and looks that at least so many bytes took the short cut.
redirected_at_least() {
  stop sockredir TERM
  assert_equal "$status" 0
  local bytes
  bytes=$(redirect_sum bytes_redirected)
  echo "redirected $bytes, passed $(redirect_sum bytes_passed)"
  [ "$bytes" -ge "$1" ]
}

make_file() { # NAME BYTES
  head -c "$2" /dev/urandom >"$OUT/$1"
}

@test "curl from python3 -m http.server" {
  requires curl python3
  make_file f 3000000
  start_within web "$CG_served" python3 -m http.server 17301 --bind 127.0.0.1 --directory "$OUT"
  wait_until 30 listens 17301
  for _ in 1 2 3 4 5; do
    here curl -sS -o "$OUT/got" http://127.0.0.1:17301/f
    cmp "$OUT/f" "$OUT/got"
  done
  redirected_at_least 15000000
}

nginx_conf() {
  cat >"$OUT/nginx.conf" <<CONF
daemon off; user root; pid $OUT/nginx.pid; error_log $OUT/error.log;
events { worker_connections 256; }
http {
  access_log off; sendfile on; tcp_nopush on;
  client_body_temp_path $OUT/t1; proxy_temp_path $OUT/t2; fastcgi_temp_path $OUT/t3;
  uwsgi_temp_path $OUT/t4; scgi_temp_path $OUT/t5;
  server { listen 127.0.0.1:17311; root $OUT; }
  server { listen 127.0.0.1:17312; location / { proxy_pass http://127.0.0.1:17311; } }
}
CONF
}

@test "nginx: sendfile, and proxy_pass to it" {
  requires nginx curl
  make_file f 3000000
  nginx_conf
  start_within nginx "$CG_served" nginx -c "$OUT/nginx.conf"
  wait_until 30 listens 17312
  for port in 17311 17312; do
    for _ in 1 2 3 4 5; do
      here curl -sS -o "$OUT/got" "http://127.0.0.1:$port/f"
      cmp "$OUT/f" "$OUT/got"
    done
  done
  redirected_at_least 10000000
}

@test "PostgreSQL with pgbench, and a big COPY" {
  requires psql pgbench
  local programs=(/usr/lib/postgresql/*/bin)
  bin=${programs[-1]}
  mkdir "$OUT/pg"
  chown postgres "$OUT/pg"
  chmod 711 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR"/*/ "$OUT"
  here setpriv --reuid postgres --regid postgres --clear-groups "$bin/initdb" -D "$OUT/pg" -A trust >/dev/null
  start_within pg "$CG_served" setpriv --reuid postgres --regid postgres --clear-groups \
    "$bin/postgres" -D "$OUT/pg" -h 127.0.0.1 -p 17321 -k "" -c fsync=off
  connect=(-h 127.0.0.1 -p 17321 -U postgres)
  wait_until 20 here psql "${connect[@]}" -c 'select 1' postgres
  here pgbench "${connect[@]}" -i -q -s 2 postgres
  here pgbench "${connect[@]}" -c 4 -j 2 -t 200 -S postgres >"$OUT/pgbench"
  grep -q 'number of transactions actually processed: 800/800' "$OUT/pgbench"
  here psql "${connect[@]}" -c '\copy (select repeat(md5(g::text), 40) from generate_series(1, 20000) g) to stdout' postgres | md5sum >"$OUT/copy"
  python3 - "$OUT/copy" <<'PY'
import hashlib, sys
want = hashlib.md5()
for g in range(1, 20001): want.update((hashlib.md5(str(g).encode()).hexdigest() * 40 + "\n").encode())
assert open(sys.argv[1]).read().split()[0] == want.hexdigest()
PY
  redirected_at_least 100000
}

@test "redis with redis-benchmark, pipelined and not" {
  requires redis-server redis-benchmark
  start_within redis "$CG_served" redis-server --port 17331 --bind 127.0.0.1 --save "" --dir "$OUT"
  wait_until 30 listens 17331
  here redis-benchmark -p 17331 -n 5000 -c 10 -q -t set,get,lrange_100
  here redis-benchmark -p 17331 -n 20000 -c 10 -P 16 -d 1000 -q -t set,get
  here redis-cli -p 17331 set big "$(head -c 100000 /dev/zero | tr '\0' k)" >/dev/null
  assert_equal "$(here redis-cli -p 17331 strlen big)" 100000
  redirected_at_least 1000000
}

@test "iperf3, both ways" {
  requires iperf3
  start_within iperf "$CG_served" iperf3 -s -p 17341
  wait_until 30 listens 17341
  here iperf3 -c 127.0.0.1 -p 17341 -n 200M -l 128K >"$OUT/up"
  here iperf3 -c 127.0.0.1 -p 17341 -n 200M -l 128K -R >"$OUT/down"
  stop iperf TERM
  redirected_at_least 1000000
}

@test "openssl s_server and s_client" {
  requires openssl
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=x -days 2 \
    -keyout "$OUT/key" -out "$OUT/cert" 2>/dev/null
  make_file f 1000000
  start_within tls "$CG_served" sh -c "cd '$OUT' && exec openssl s_server -quiet -accept 127.0.0.1:17351 -key key -cert cert -WWW"
  wait_until 30 listens 17351
  stop sockredir TERM
  start_sockredir "$CG_served" --small-write 0
  here sh -c "printf 'GET /f HTTP/1.0\r\n\r\n' | openssl s_client -quiet -connect 127.0.0.1:17351 2>/dev/null" >"$OUT/answer"
  tail -c 1000000 "$OUT/answer" | cmp - "$OUT/f"
  # all of it, and not a byte by TCP: --small-write 0 takes no stream for one of small writes
  redirected_at_least 1000000
  assert_equal "$(redirect_sum bytes_passed)" 0
}

@test "socat: half-close, the answer comes after the end of the question" {
  requires socat
  make_file f 300000
  start_within sum "$CG_served" socat TCP-LISTEN:17361,bind=127.0.0.1,fork,reuseaddr EXEC:md5sum
  wait_until 30 listens 17361
  for _ in 1 2 3 4 5 6 7; do
    got=$(here socat -t 20 - TCP:127.0.0.1:17361 <"$OUT/f")
    assert_equal "${got%% *}" "$(md5sum <"$OUT/f" | cut -d' ' -f1)"
  done
  redirected_at_least 1000000
}

@test "python3: blocking sockets, half-close, and a slow answer" {
  requires python3
  here python3 - <<'PY'
import socket, threading, time
l = socket.create_server(("127.0.0.1", 0))
def serve():
    for _ in range(13):
        s, _ = l.accept()
        got = b""
        while (d := s.recv(4096)): got += d
        time.sleep(0.1)
        s.sendall(got[::-1]); s.close()
t = threading.Thread(target=serve); t.start()
for i in range(13):
    c = socket.create_connection(l.getsockname())
    c.sendall(b"question %d" % i); c.shutdown(socket.SHUT_WR)
    got = b""
    while (d := c.recv(4096)): got += d
    assert got == (b"question %d" % i)[::-1]
t.join()
PY
  redirected_at_least 100
}

@test "a listener with TCP_DEFER_ACCEPT: 1000 connections, no byte out of place" {
  here "$(tool tcp_integrity)" -n 1000 -m 20000 -o defer
  stop sockredir TERM
}

@test "TCP Fast Open: 1000 connections with data in the SYN, no byte out of place" {
  in_net sysctl -qw net.ipv4.tcp_fastopen=3
  here "$(tool tcp_integrity)" -n 1000 -m 20000 -o tfo
  stop sockredir TERM
  [ "$(redirect_sum bytes_passed_early)" -gt 0 ] # some had data in the SYN
}
