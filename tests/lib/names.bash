# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# names.bash - a network with names, for the tests of xdpacct --names:
#
#   client 10.9.0.2  ----veth----  server 10.9.0.1 and 10.9.0.3: nginx, dnsmasq, ngtcp2
#
#   names_network_up DIR     makes it; the namespaces are called by NAMES_CLIENT and NAMES_SERVER
#   names_network_down DIR
#   watcher COMMAND…         runs it where cap0 gets a copy of every packet between the two
#   client COMMAND…          runs it as the subscriber
#   bytes_by_name FILE       of xdpacct: `NAME BYTES` lines, sorted; flows without a name left out
#   tshark_by_name FILE      of tshark: the same from what it finds in hellos and requests alone
#
# The names a.test, b.test, www.a.test (by a CNAME) and edge.test share 10.9.0.1; only.test has 10.9.0.3.

SERVER=10.9.0.1
SERVER_TWO=10.9.0.3
CLIENT=10.9.0.2

client() { ip netns exec "$NAMES_CLIENT" "$@"; }
server() { ip netns exec "$NAMES_SERVER" "$@"; }
watcher() { ip netns exec "$NAMES_WATCHER" "$@"; }

names__certificate() { # DIR
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=a.test \
    -addext subjectAltName=DNS:a.test,DNS:b.test -keyout "$1/key.pem" -out "$1/cert.pem" 2>/dev/null
}

names__nginx_conf() { # DIR
  cat <<END
user root; worker_processes 1; daemon off; pid $1/nginx.pid; error_log $1/nginx.err;
events {}
http {
  access_log off;
  client_body_temp_path $1/t1; proxy_temp_path $1/t2; fastcgi_temp_path $1/t3; uwsgi_temp_path $1/t4; scgi_temp_path $1/t5;
  ssl_certificate $1/cert.pem; ssl_certificate_key $1/key.pem; ssl_protocols TLSv1.2 TLSv1.3;
  server { listen $SERVER:443 ssl; listen $SERVER:80; listen $SERVER_TWO:443 ssl; root $1/www; }
}
END
}

# Both directions of srv0, as a mirror port has them.
names__mirror() {
  ip netns add "$NAMES_WATCHER"
  ip link add mir0 netns "$NAMES_SERVER" type veth peer name cap0 netns "$NAMES_WATCHER"
  server ip link set mir0 up
  watcher ip link set cap0 up
  server nft -f - <<'END'
table netdev mirror {
  chain in { type filter hook ingress device srv0 priority 0; dup to mir0; }
  chain out { type filter hook egress device srv0 priority 0; dup to mir0; }
}
END
}

names_network_up() { # DIR
  local dir=$1
  export NAMES_CLIENT=namesc$$ NAMES_SERVER=namess$$ NAMES_WATCHER=namesw$$
  mkdir -p "$dir/www"
  head -c 200003 /dev/urandom >"$dir/www/a"
  head -c 70001 /dev/urandom >"$dir/www/b"
  names__certificate "$dir"
  names__nginx_conf "$dir" >"$dir/nginx.conf"
  ip netns add "$NAMES_CLIENT"
  ip netns add "$NAMES_SERVER"
  mkdir -p "/etc/netns/$NAMES_CLIENT"
  echo "$SERVER video.test" >"/etc/netns/$NAMES_CLIENT/hosts"
  ip link add sub0 netns "$NAMES_CLIENT" type veth peer name srv0 netns "$NAMES_SERVER"
  client ip addr add "$CLIENT/24" dev sub0
  server ip addr add "$SERVER/24" dev srv0
  server ip addr add "$SERVER_TWO/24" dev srv0
  client ip link set sub0 up
  client ip link set lo up
  server ip link set srv0 up
  server ip link set lo up
  # packets as they would be on a wire
  client ethtool -K sub0 tso off gso off gro off >/dev/null
  server ethtool -K srv0 tso off gso off gro off >/dev/null
  names__mirror
  # no DNS servers of the host's, no configuration files
  server dnsmasq -k -C /dev/null --no-resolv --no-hosts --bind-interfaces --pid-file="$dir/dnsmasq.pid" \
    --listen-address=$SERVER --listen-address=$SERVER_TWO --local-ttl=60 --address=/a.test/$SERVER \
    --address=/b.test/$SERVER --address=/only.test/$SERVER_TWO --host-record=edge.test,$SERVER,60 \
    --cname=www.a.test,edge.test --dns-rr=svc.test,65,000100000400040A090003 \
    >"$dir/dnsmasq.log" 2>&1 3>&- &
  server nginx -p "$dir" -c "$dir/nginx.conf" >"$dir/nginx.log" 2>&1 3>&- &
  (cd "$dir/www" && server gtlsserver -q "$SERVER" 4433 "$dir/key.pem" "$dir/cert.pem" >"$dir/quic.log" 2>&1 3>&-) &
  local deadline=$((SECONDS + 20))
  until client dig +short +time=1 +tries=1 @$SERVER edge.test >/dev/null 2>&1 &&
    client curl -sk -o "$dir/null" --max-time 2 "https://$SERVER/b" &&
    server ss -uln | grep -q ":4433 "; do
    [ "$SECONDS" -lt "$deadline" ] || return 1
    sleep 0.1
  done
}

names_network_down() { # DIR
  local namespace pids
  for namespace in "$NAMES_CLIENT" "$NAMES_SERVER" "$NAMES_WATCHER"; do
    pids=$(ip netns pids "$namespace" 2>/dev/null)
    # shellcheck disable=SC2086 # one word each
    [ -z "$pids" ] || kill $pids 2>/dev/null || true
    ip netns del "$namespace" 2>/dev/null || true
  done
  rm -f "/etc/netns/$NAMES_CLIENT/hosts"
  rmdir "/etc/netns/$NAMES_CLIENT" 2>/dev/null || true
}

# Runs COMMAND… while the client's packets are captured into FILE.
captured() { # FILE COMMAND…
  local file=$1
  shift
  # not `client`: $! must be tcpdump itself
  ip netns exec "$NAMES_CLIENT" tcpdump -i sub0 -s 0 -B 65536 --immediate-mode -U -w "$file" ip 2>"$file.log" 3>&- &
  local dump=$! deadline=$((SECONDS + 30))
  until grep -q 'listening on' "$file.log" 2>/dev/null; do
    [ "$SECONDS" -lt "$deadline" ] || return 1
    sleep 0.05
  done
  "$@"
  # a packet that shows when all before it has been written
  deadline=$((SECONDS + 30))
  until tcpdump -r "$file" -c 1 'udp dst port 9' 2>/dev/null | grep -q .; do
    client bash -c "echo end >/dev/udp/$SERVER/9"
    [ "$SECONDS" -lt "$deadline" ] || return 1
    sleep 0.1
  done
  kill "$dump"
  wait "$dump" || true
}

bytes_by_name() { # FILE
  jq -rs '[.[] | select((.type == "flow" or .type == "reclass") and (.name or .from_name))
      | (.bytes_up + .bytes_down) as $n
      | if .type == "flow" then [.name, $n, .evidence] else ([.name, $n, .evidence], [.from_name, -$n, .from_evidence]) end
      | select(.[2] != null and .[2] != "dns")]
    | group_by(.[0])[] | "\(.[0][0]) \(map(.[1]) | add)"' "$1" | sort
}

tshark_by_name() { # FILE
  tshark -r "$1" -T fields -E separator=/t -e tcp.stream -e udp.stream -e ip.len \
    -e tls.handshake.extensions_server_name -e http.host 2>/dev/null |
    awk -F'\t' '{ flow = $1 != "" ? "t" $1 : "u" $2; bytes[flow] += $3; host = $4 != "" ? $4 : $5
        sub(/:[0-9]+$/, "", host); if (host != "" && !(flow in name)) name[flow] = host }
      END { for (f in name) sum[name[f]] += bytes[f]; for (n in sum) print n, sum[n] }' | sort
}
