#!/bin/sh
# apt.sh PACKAGE…: install Debian packages, then leave no log, list or timestamp of this run.
# It is a shell script because the base of a --cuda-only image has no Python.
set -eu
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
fail() {
	echo "gpu-error: apt: $*" >&2
	exit 1
}
command -v apt-get >/dev/null || fail "the base image has no apt-get, so --apt cannot be used with it"

work=$(mktemp -d)
touch -d '2 seconds ago' "$work/start"
set -- install -y -q --no-install-recommends --no-remove -- "$@"
options="-o Dpkg::Use-Pty=0 -o Acquire::Retries=3"
if [ -e /run/secrets/gpu-ca ]; then
	for system in /etc/ssl/certs/ca-certificates.crt /run/secrets/gpu-ca; do
		[ ! -e "$system" ] || { cat "$system" && echo; }
	done >"$work/ca.pem"
	chmod 755 "$work" # apt fetches as a user of its own
	options="$options -o Acquire::https::CaInfo=$work/ca.pem"
fi
apt() {
	# shellcheck disable=SC2086 # options are words
	{ apt-get $options "$@" 2>&1 && touch "$work/done"; } | tee "$work/log"
	if [ ! -e "$work/done" ]; then
		errors=$(grep '^[EW]:' "$work/log" || tail -n 1 "$work/log")
		fail "$(echo "$errors" | tr '\n' ' ' | cut -c 1-2000)"
	fi
	rm "$work/done"
}
apt update -q
apt "$@"

find /var/log /var/cache/ldconfig -mindepth 1 -type f -delete 2>/dev/null || true
rm -rf /var/log/apt /var/cache/debconf/*-old /var/lib/dpkg/*-old
find / -xdev -newer "$work/start" ! -path "$work*" -exec touch -h -d @315532800 {} + 2>/dev/null || true
rm -rf "$work"
touch -d @315532800 /tmp
