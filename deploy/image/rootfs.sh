#!/usr/bin/env bash
# rootfs.sh PROGRAM FOLDER: lays out the container image: the program, stripped, and what the dynamic loader would look
# for, nothing else: no shell, no package manager, no account. Works without any network.
set -euo pipefail
program=$1 rootfs=$2
mkdir -p "$rootfs/usr/local/bin" "$rootfs/tmp" "$rootfs/etc/ssl/certs"
strip -o "$rootfs/usr/local/bin/soma-conformance" "$program"
# libgcc is loaded by glibc when a thread ends.
{ ldd "$program" | grep -oE '/[^ ]+\.so[^ :)]*'; ls /lib/*-linux-gnu/libgcc_s.so.1; } | sort -u |
  while read -r library; do [ -e "$rootfs$library" ] || cp -L --parents "$library" "$rootfs"; done
# The public authorities, for servers that have certificates of theirs.
[ ! -e /etc/ssl/certs/ca-certificates.crt ] || cp -L /etc/ssl/certs/ca-certificates.crt "$rootfs/etc/ssl/certs/"
chmod 1777 "$rootfs/tmp"
