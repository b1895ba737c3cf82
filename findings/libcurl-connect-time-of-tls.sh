#!/usr/bin/env bash
# libcurl 7.88.1 (Debian 12, libcurl4 7.88.1-10+deb12u15): CURLINFO_CONNECT_TIME_T stays 0 for an https transfer whose TCP connection was
# made at once and whose TLS handshake is never answered.
#
# The documentation has two times: CURLINFO_CONNECT_TIME_T, "until the connection to the remote host (or proxy) was completed", and
# CURLINFO_APPCONNECT_TIME_T, until the SSL handshake was (https://curl.se/libcurl/c/CURLINFO_CONNECT_TIME_T.html,
# https://curl.se/libcurl/c/CURLINFO_APPCONNECT_TIME_T.html). Whoever tells "nobody answers there: a firewall?" from "somebody is there and
# says nothing" by the first of them is right over http and wrong over https: the transfer looks as if it had never been connected.
#
# Seen: a listener that accepts and stays silent, the same for both schemes, a connect timeout of 700 ms, a total of 1,500 ms:
#   http   CURLE_OPERATION_TIMEDOUT (28), connect time above 0
#   https  CURLE_OPERATION_TIMEDOUT (28), connect time 0, appconnect time 0
set -euo pipefail

readonly version=7.88.1-10+deb12u15
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download --quiet --quiet "libcurl4=$version"
dpkg-deb --extract libcurl4_*.deb root
library=$(find root -name 'libcurl.so.4' -print -quit)

cat >silent.py <<'PYTHON'
import ctypes
import socket
import sys
import threading

curl = ctypes.CDLL(sys.argv[1])
curl.curl_easy_init.restype = ctypes.c_void_p
CURLOPT_URL, CURLOPT_TIMEOUT_MS, CURLOPT_CONNECTTIMEOUT_MS = 10002, 155, 156
CURLINFO_CONNECT_TIME_T, CURLINFO_APPCONNECT_TIME_T = 0x600000 + 52, 0x600000 + 56

listener = socket.create_server(("127.0.0.1", 0))
accepted = []


def accept():
    while True:
        accepted.append(listener.accept())


threading.Thread(target=accept, daemon=True).start()


def times(scheme):
    handle = ctypes.c_void_p(curl.curl_easy_init())
    url = f"{scheme}://127.0.0.1:{listener.getsockname()[1]}/"
    curl.curl_easy_setopt(handle, CURLOPT_URL, ctypes.c_char_p(url.encode()))
    curl.curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, ctypes.c_long(700))
    curl.curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, ctypes.c_long(1500))
    code = curl.curl_easy_perform(handle)
    values = []
    for info in (CURLINFO_CONNECT_TIME_T, CURLINFO_APPCONNECT_TIME_T):
        value = ctypes.c_longlong()
        curl.curl_easy_getinfo(handle, info, ctypes.byref(value))
        values.append(value.value)
    curl.curl_easy_cleanup(handle)
    print(f"{scheme}: code {code}, connect time {'0' if values[0] == 0 else 'above 0'}, appconnect time {values[1]}")


times("http")
times("https")
PYTHON

seen=$(python3 silent.py "$PWD/$library")
expected='http: code 28, connect time above 0, appconnect time 0
https: code 28, connect time 0, appconnect time 0'
printf '%s\n' "$seen"
if [[ $seen != "$expected" ]]; then
  echo "libcurl4 $version behaves otherwise than was found" >&2
  exit 1
fi
