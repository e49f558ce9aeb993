#!/bin/bash
# usage: bare.sh DIR TARGET...
# Runs make targets in a fresh clone of HEAD on a bare Debian 12: a root made by
# debootstrap in DIR, with git, gcc, make and this machine's Go, and nothing else.
# DIR is made when it is missing and used again when it is there; it is not
# removed. Needs root and debootstrap. The network is this machine's.
set -euo pipefail

repository=$(cd "$(dirname "$0")/../.." && pwd)
root=$1
shift
[[ $(id -u) -eq 0 ]] || {
	echo "bare.sh needs root" >&2
	exit 1
}

if [[ ! -e $root/.complete ]]; then
	debootstrap --variant=minbase --include=git,gcc,libc6-dev,make,ca-certificates bookworm "$root"
	touch "$root/.complete"
fi
mkdir -p "$root/usr/local/go"
git -C "$repository" bundle create -q "$root/root/vz.bundle" HEAD
cp -L /etc/resolv.conf "$root/etc/resolv.conf"
# Certificates that this machine trusts, for a proxy that it may be behind.
cp -r /etc/ssl/certs/. "$root/etc/ssl/certs/"
[[ ! -d /usr/local/share/ca-certificates ]] || cp -r /usr/local/share/ca-certificates "$root/usr/local/share/"

goroot=$(go env GOROOT)
proxy=$(go env GOPROXY)
export root goroot proxy
# The namespaces end with the script, and with them every mount and process.
# shellcheck disable=SC2016 # the text is for the shell in the namespaces
exec unshare --mount --pid --cgroup --ipc --uts --fork --kill-child bash -euo pipefail -c '
	mount --make-rprivate /
	mount --bind "$root" "$root"
	mount --bind -o ro "$goroot" "$root/usr/local/go"
	mount -t proc proc "$root/proc"
	mount --rbind /dev "$root/dev"
	mount -t sysfs sysfs "$root/sys"
	if [[ $(stat -f -c %T /sys/fs/cgroup) == cgroup2fs ]]; then
		mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
	else
		mount -t tmpfs tmpfs "$root/sys/fs/cgroup"
		while read -r type at options; do
			mkdir -p "$root$at"
			mount -t "$type" -o "$options" "$type" "$root$at"
		done < <(findmnt -rn -t cgroup,cgroup2 -o FSTYPE,TARGET,FS-OPTIONS)
	fi
	mount -t tmpfs tmpfs "$root/tmp"
	mount -t tmpfs tmpfs "$root/run"
	# Not chroot: what joins a mount namespace of a container would find itself above it.
	mkdir -p "$root/.old"
	cd "$root"
	pivot_root . .old
	umount -l /.old
	exec /usr/bin/env -i HOME=/root TERM=dumb PATH=/usr/local/go/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		GOPROXY="$proxy" SSL_CERT_DIR=/etc/ssl/certs VZ_REQUIRE="${VZ_REQUIRE-}" bash -euo pipefail -c "
		rm -rf /root/vz
		git clone -q -c advice.detachedHead=false /root/vz.bundle /root/vz
		cd /root/vz
		for target; do
			start=\$SECONDS
			echo \"=== make \$target\"
			make \$target
			echo \"=== make \$target took \$((SECONDS - start)) s\"
		done" bare "$@"
' bare "$@"
