#!/bin/bash
# usage: recipe.sh DIRECTORY MIRROR SUITE
# Makes DIRECTORY/base, a small Debian, and beside it for each daemon the upper
# directory of an overlay that holds what its package adds. Must run in mount
# and pid namespaces of its own: it mounts, and what a package starts ends with it.
set -euo pipefail
cd "$1"
mirror=$2 suite=$3

debootstrap --variant=minbase "$suite" base "$mirror"
rm -rf base/usr/share/{doc,man,info,locale}/* base/var/cache/apt/* base/var/lib/apt/lists/* base/var/log/*

mkdir lists cache

# change NAME runs the function NAME on the overlay at m.
change() {
	mkdir "$1" work m
	mount -t overlay -o "lowerdir=base,upperdir=$1,workdir=work" overlay m
	"$1"
	umount m
	rm -rf m work
}

install_package() {
	mount --bind lists m/var/lib/apt/lists
	mount --bind cache m/var/cache/apt
	mount -t proc proc m/proc
	mount -t tmpfs tmpfs m/tmp
	printf '#!/bin/sh\nexit 101\n' >m/usr/sbin/policy-rc.d # starts no daemon
	chmod 755 m/usr/sbin/policy-rc.d
	[[ -n $(ls lists) ]] || chroot m apt-get -qq update
	chroot m env DEBIAN_FRONTEND=noninteractive LANG=C.UTF-8 apt-get -qq install -y --no-install-recommends "$1"
	rm m/usr/sbin/policy-rc.d
	umount m/proc m/tmp m/var/lib/apt/lists m/var/cache/apt
	rm -rf m/usr/share/{doc,man,info,locale}/* m/var/log/apt m/var/log/dpkg.log
}

nginx() {
	install_package nginx-light
	ln -sf /dev/stdout m/var/log/nginx/access.log
	ln -sf /dev/stderr m/var/log/nginx/error.log
}

redis() {
	install_package redis-server
}

postgres() {
	install_package postgresql
	rm -rf m/usr/lib/x86_64-linux-gnu/libLLVM* m/usr/lib/llvm* # of the JIT, most of the size
	echo "host all all all trust" >>"$(echo m/etc/postgresql/*/main/pg_hba.conf)"
	ln -s "$(cd m && echo usr/lib/postgresql/*)" m/postgresql
}

# Deletes and replaces files of the base: whiteouts and an opaque directory.
whiteouts() {
	rm m/etc/debian_version
	rm -r m/usr/share/keyrings
	rm -r m/etc/apt
	mkdir m/etc/apt
	echo new >m/etc/apt/only
}

for name in nginx redis postgres whiteouts; do
	change "$name"
done
rm -rf lists cache
