#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Rules by AS number, from a database that MaxMind's own writer made.

load ../lib/common

flow() { # PEER [MORE]: 1000 bytes
  echo "{\"type\":\"flow\",\"ts_us\":1700000010000000,\"iface\":\"e\",\"sub\":\"10.0.0.1\",\"peer\":\"$1\",\"proto\":6,\"peer_port\":443,\"bytes_up\":100,\"bytes_down\":900,\"packets_up\":1,\"packets_down\":2,\"interval_us\":10000000${2:+,$2}}"
}

make_database() { # KEY OF THE NUMBER
  perl -MMaxMind::DB::Writer::Tree - "$1" "$OUT/asn.mmdb" <<'END'
my ($key, $file) = @ARGV;
my $tree = MaxMind::DB::Writer::Tree->new(
    ip_version => 6, record_size => 24, database_type => 'Test-ASN', languages => ['en'],
    description => { en => 'addresses for documentation' }, alias_ipv6_to_ipv4 => 1, remove_reserved_networks => 0,
    map_key_type_callback => sub { $_[0] eq 'autonomous_system_number' ? 'uint32' : 'utf8_string' });
my %number = ('192.0.2.0/24' => 64500, '198.51.100.0/25' => 64501, '203.0.113.0/24' => 4200000001, '2001:db8:5::/48' => 64500);
$tree->insert_network($_, { $key => $number{$_}, autonomous_system_organization => "AS $number{$_}" }) for sort keys %number;
open my $out, '>:raw', $file or die;
$tree->write_tree($out);
END
}

test_setup() {
  perl -MMaxMind::DB::Writer::Tree -e 1 2>/dev/null || skip "needs libmaxmind-db-writer-perl"
  make_database autonomous_system_number
  cat >"$OUT/rules" <<END
asn-file: $OUT/asn.mmdb
app: one
rate: free
asn: 64500
not-suffix: ads.example
app: two
rate: charged
asn: AS64501 4200000001
END
  {
    flow 192.0.2.0
    flow 192.0.2.255
    flow 2001:db8:5::1
    flow 192.0.2.7 '"name":"x.ads.example","evidence":"sni","unverified":1'
    flow 198.51.100.127
    flow 198.51.100.128
    flow 203.0.113.1
    flow 2001:db8:6::1
    flow 10.1.1.1
  } >"$OUT/flows"
}

report() { "$NETVITALS" report traffic "$OUT/flows" --rules "$OUT/rules" --format json >"$OUT/report"; }

@test "AS numbers of IPv4 and IPv6 addresses decide, at the edges of their prefixes too" {
  report
  assert_jq "$OUT/report" '.[0].bill[0] | .free_bytes == 3000 and .charged_bytes == 3000 and .unknown_bytes == 3000'
  assert_jq "$OUT/report" '.[0].evidence | map(select(.evidence == "asn") | [.rate, .bytes_up + .bytes_down]) | sort == [["charged", 2000], ["free", 3000]]'
  assert_jq "$OUT/report" '.[0] | .note == null and (.made_with[0].rules_sha256 | length == 64)'
  sum=$(sha256sum <"$OUT/asn.mmdb")
  assert_jq "$OUT/report" ".[0].made_with[0].asn_file_sha256 == \"${sum%% *}\""
}

@test "a name that only the client vouches for is borne out by the app's own AS" {
  sed -i 's/^asn: 64500/&\nsuffix: shop.example/' "$OUT/rules"
  { flow 192.0.2.7 '"name":"shop.example","evidence":"sni","unverified":1'; flow 10.1.1.1 '"name":"shop.example","evidence":"sni","unverified":1'; } >"$OUT/flows"
  report
  assert_jq "$OUT/report" '.[0].bill[0] | .free_bytes == 2000 and .sni_unverified_bytes == 1000'
}

@test "a database that is missing, cut short or no database is refused, with the place in the rules" {
  head -c 300 "$OUT/asn.mmdb" >"$OUT/cut"
  echo "no database" >"$OUT/text"
  : >"$OUT/empty"
  local file
  for file in missing cut text empty; do
    sed "s|^asn-file: .*|asn-file: $OUT/$file|" "$OUT/rules" >"$OUT/bad"
    run -2 "$NETVITALS" report traffic "$OUT/flows" --rules "$OUT/bad"
    [[ $output == *"bad:1:11: cannot open $OUT/$file: "* ]]
  done
}

@test "a database of another kind, or damaged inside, does not go unnoticed" {
  run -0 "$NETVITALS" report traffic "$OUT/flows" --rules "$OUT/rules"
  [[ $output != *"asn-file is damaged"* ]]
  make_database country
  run -0 "$NETVITALS" report traffic "$OUT/flows" --rules "$OUT/rules"
  [[ $output == *"asn-file is damaged, or has no AS numbers"* ]]
  # the tree's nodes point anywhere
  make_database autonomous_system_number
  head -c 600 /dev/zero | tr '\\0' '\\377' | dd of="$OUT/asn.mmdb" conv=notrunc status=none
  run -0 "$NETVITALS" report traffic "$OUT/flows" --rules "$OUT/rules"
  [[ $output == *"asn-file is damaged"* ]]
}
