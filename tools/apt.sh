#!/bin/sh
# Installs one Debian package, as root or through sudo, or says how.
set -eu
if [ "$(id -u)" = 0 ]; then as_root=""; else as_root="sudo"; fi
if ! command -v apt-get >/dev/null; then
    echo "Gradus needs $1: please install it with this system's package manager." >&2
    exit 1
fi
echo "installing $1 with apt-get"
$as_root apt-get update -q >/dev/null
DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -q "$1" >/dev/null
