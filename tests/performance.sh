#!/usr/bin/env bash
# Measures what docs/PERFORMANCE.md states, one after the other, on an otherwise idle machine.
#
#   cargo build --release -p marca && tests/performance.sh [SECONDS]
#
# Needs openssl and curl. Everything runs on loopback, in a directory that is deleted at the end.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-15}
marca=${CARGO_TARGET_DIR:-target}/release/marca
home=$(mktemp -d)
pid=
stop() { [ -z "$pid" ] || { kill "${1:--INT}" "$pid" 2> /dev/null || true; wait "$pid" 2> /dev/null || true; pid=; }; }
trap 'stop -KILL; rm -rf "$home"' EXIT

key=marca_demo_0123456789abcdef0123456789abcdef
say() { printf '\n== %s\n' "$*"; }
ticks() { awk '{print $14 + $15}' "/proc/$pid/stat"; }
memory() { awk '/^VmRSS/ {printf "%.0f MB\n", $2 / 1024}' "/proc/$pid/status"; }
milliseconds() { date +%s%3N; }

# start KIND: a demo service with a unit of this kind of key, and enough stamps.
start() {
    "$marca" demo --data "$home/$1" --listen 127.0.0.1:0 --tsu-key "$1" > "$home/out" 2> "$home/log" &
    pid=$!
    for _ in $(seq 200); do grep -q '^ready:' "$home/out" && break; sleep 0.05; done
    url=$(sed -n 's/^ready: //p' "$home/out")
}
grant() {
    "$marca" stamps grant demo 100000000 --server "$url" \
        --admin-token-file "$home/$1/admin-token" > /dev/null
}
load() { "$marca" bench --url "$url" --key "$key" "$@"; }

# figures: the rate and the latency of a report of the load generator.
figures() {
    python3 -c 'import json, sys
report = json.load(sys.stdin)
print("%.0f tokens/s, latency in us: %s" % (report["tokens_per_second"], report["latency_us"]))'
}

# raw KIND: signatures a second of the openssl command, one process for each of two cores.
raw() { openssl speed -seconds 3 -multi 2 "$1" 2> /dev/null | tail -1 | awk '{print $(NF - 1)}'; }
raw_one() { openssl speed -seconds 3 "$1" 2> /dev/null | tail -1 | awk '{print $(NF - 1)}'; }

say "machine"
uname -sr
grep -m1 '^model name' /proc/cpuinfo || true
echo "$(nproc) cores, load $(cut -d' ' -f1-3 /proc/loadavg)"
openssl version

say "P-256: 64 connections"
start p256
grant p256
echo "at rest: $(memory)"
load --connections 64 --seconds 3 > /dev/null
before=$(raw ecdsap256)
one=$(raw_one ecdsap256)
from=$(ticks)
load --connections 64 --seconds "$seconds" --json > "$home/p256.json"
sleep 2
to=$(ticks)
after=$(raw ecdsap256)
python3 - "$home/p256.json" "$before" "$after" "$one" "$from" "$to" <<'PYTHON'
import json, sys
report = json.load(open(sys.argv[1]))
before, after, one, begun, ended = map(float, sys.argv[2:])
raw = (before + after) / 2
tokens = report["tokens"]
rate = report["tokens_per_second"]
cpu = (ended - begun) * 10_000 / tokens
print(f"openssl speed -multi 2 ecdsap256: {before:.0f} and {after:.0f} sign/s (before, after)")
print(f"tokens: {rate:.0f}/s, ratio {rate / raw:.3f}")
print(f"latency in us: {report['latency_us']}")
print(f"server CPU per token: {cpu:.1f} us; one raw signature {1e6 / one:.1f} us; ratio {cpu * one / 1e6:.2f}")
PYTHON

say "P-256: 16 connections"
load --connections 16 --seconds "$seconds"

# logins SECONDS: 200 at a time, each from an address of its own and with a name that nobody has, so
# that each costs a whole check and no limit of a caller ends them; who is told to wait does so.
logins() {
    python3 - "$url" "$1" <<'PYTHON'
import asyncio, collections, json, sys, time
host, port = sys.argv[1].split("://")[1].split(":")
end = time.monotonic() + float(sys.argv[2])
answers = collections.Counter()

async def one(number):
    source = (f"127.0.{1 + number // 100}.{1 + number % 100}", 0)
    reader, writer = await asyncio.open_connection(host, int(port), local_addr=source)
    tries = 0
    while time.monotonic() < end:
        tries += 1
        name = f"nobody-{number}-{tries}@example.org"
        body = json.dumps({"user_id": name, "password": "Quercia,7-verde"}).encode()
        writer.write(b"POST /api/v1/sessions HTTP/1.1\r\nHost: bench\r\n"
            b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        status = int(head.split(" ", 2)[1])
        answers[status] += 1
        length = int(head.split("content-length: ")[1].split("\r\n")[0])
        await reader.readexactly(length)
        if status in (429, 503):
            await asyncio.sleep(1)
    writer.close()

async def main():
    await asyncio.gather(*(one(number) for number in range(200)), return_exceptions=True)

asyncio.run(main())
print("logins:", dict(answers))
PYTHON
}

say "P-256: 64 connections, alone and beside 200 logins at a time"
for round in 1 2; do
    echo "alone: $(load --connections 64 --seconds "$seconds" --json | figures)"
    logins "$((seconds + 4))" &
    flood=$!
    sleep 2
    echo "beside logins: $(load --connections 64 --seconds "$seconds" --json | figures)"
    wait "$flood"
done

say "P-256: memory after a million tokens, and the start with them in the store"
stored=$(curl -fsS -u demo:demo-stamps "$url/api/v1/stamp-account" | sed 's/.*"used":\([0-9]*\).*/\1/')
while [ "$stored" -lt 1000000 ]; do
    load --connections 64 --seconds 10 > /dev/null
    stored=$(curl -fsS -u demo:demo-stamps "$url/api/v1/stamp-account" | sed 's/.*"used":\([0-9]*\).*/\1/')
done
sleep 2
echo "$stored tokens: $(memory)"
head -c 32 /dev/urandom > "$home/data"
openssl ts -query -data "$home/data" -sha256 -out "$home/query" 2> /dev/null
for end in -INT -KILL; do
    stop "$end"
    begun=$(milliseconds)
    start p256
    curl -fsS -o "$home/reply" -H "Authorization: Bearer $key" \
        -H 'Content-Type: application/timestamp-query' --data-binary "@$home/query" "$url/tsa"
    echo "start after kill $end to the first token: $(($(milliseconds) - begun)) ms"
done
stop

say "RSA-3072"
start rsa3072
grant rsa3072
before=$(raw rsa3072)
load --connections 64 --seconds "$seconds" --json > "$home/rsa.json"
after=$(raw rsa3072)
python3 - "$home/rsa.json" "$before" "$after" <<'PYTHON'
import json, sys
report = json.load(open(sys.argv[1]))
raw = (float(sys.argv[2]) + float(sys.argv[3])) / 2
rate = report["tokens_per_second"]
print(f"openssl speed -multi 2 rsa3072: {raw:.0f} sign/s; tokens {rate:.0f}/s, ratio {rate / raw:.3f}")
PYTHON
stop

say "debits in an empty and in a full store: cargo bench -p marca-accounts --bench debit"
