#!/bin/bash
# usage: inroot.sh host|none ROOT COMMAND...
# Runs a command with the directory ROOT as its root, as on a machine of its own:
# in mount, pid, ipc, uts and cgroup namespaces, with /proc, /sys, /dev, cgroups
# and an empty /tmp and /run; with "none" the network is loopback alone. All
# processes and mounts end with the command. Needs root.
set -euo pipefail
network=$1 root=$2
shift 2
namespaces=(--mount --pid --cgroup --ipc --uts)
[[ $network == host ]] || namespaces+=(--net)
export root network
# shellcheck disable=SC2016 # the text is for the shell in the namespaces
exec unshare "${namespaces[@]}" --fork --kill-child bash -euo pipefail -c '
	[[ $network == host ]] || ip link set lo up
	mount --make-rprivate /
	mount --bind "$root" "$root"
	mkdir -p "$root"/{proc,sys,dev,tmp,run,.old}
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
	for bound in ${BINDS-}; do # SOURCE:TARGET, read-only
		mkdir -p "$root${bound#*:}"
		mount --bind -o ro "${bound%%:*}" "$root${bound#*:}"
	done
	# Not chroot: what joins a mount namespace of a container would find itself above it.
	cd "$root"
	pivot_root . .old
	umount -l /.old
	exec env -i HOME=/root TERM=dumb PATH=/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
' inroot "$@"
