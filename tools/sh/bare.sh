#!/bin/bash
# usage: [SUITE=bookworm] bare.sh DIR TARGET...
# Runs make targets, or .ci/run, in a fresh clone of HEAD on a bare Debian: a root made by
# debootstrap in DIR, with git, gcc, make and this machine's Go, and nothing else.
# SUITE is Debian's release: bookworm (12) unless it is set, or trixie (13).
# DIR is made when it is missing and used again when it is there; it is not
# removed. Needs root and debootstrap. The network is this machine's. A target
# with variables is one argument: bare.sh DIR demo test check 'release VERSION=0.1.0'
set -euo pipefail
repository=$(cd "$(dirname "$0")/../.." && pwd)
root=$1 suite=${SUITE:-bookworm}
shift
[[ $(id -u) -eq 0 ]] || {
	echo "bare.sh needs root" >&2
	exit 1
}

if [[ ! -e $root/.complete ]]; then
	debootstrap --variant=minbase --include=git,gcc,libc6-dev,make,ca-certificates "$suite" "$root"
	echo "$suite" >"$root/.complete"
fi
made=$(<"$root/.complete")
[[ ${made:-bookworm} == "$suite" ]] || {
	echo "bare.sh: $root is $made, not $suite: choose another directory, or remove it" >&2
	exit 1
}
# What every installed Debian has and debootstrap leaves out.
security="deb http://deb.debian.org/debian-security $suite-security main"
grep -qxF "$security" "$root/etc/apt/sources.list" || echo "$security" >>"$root/etc/apt/sources.list"
git -C "$repository" bundle create -q "$root/root/vz.bundle" HEAD
cp -L /etc/resolv.conf "$root/etc/resolv.conf"
# Certificates that this machine trusts, for a proxy that it may be behind.
cp -r /etc/ssl/certs/. "$root/etc/ssl/certs/"
[[ ! -d /usr/local/share/ca-certificates ]] || cp -r /usr/local/share/ca-certificates "$root/usr/local/share/"

BINDS="$(go env GOROOT):/usr/local/go"
export BINDS
# shellcheck disable=SC2016 # the text is for the shell in the root
exec "$repository/tools/sh/inroot.sh" host "$root" GOPROXY="$(go env GOPROXY)" SSL_CERT_DIR=/etc/ssl/certs VZ_REQUIRE="${VZ_REQUIRE-}" bash -euo pipefail -c '
	rm -rf /root/vz
	git clone -q -c advice.detachedHead=false /root/vz.bundle /root/vz
	cd /root/vz
	for target; do
		start=$SECONDS
		[[ $target == .ci/run ]] || target="make $target"
		echo "=== $target"
		# shellcheck disable=SC2086 # a target and its variables
		$target
		echo "=== $target took $((SECONDS - start)) s"
	done
' bare "$@"
