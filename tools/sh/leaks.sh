#!/bin/bash
# usage: leaks.sh            list what vz could leave behind
#        leaks.sh BEFORE     fail when there is more than in that list
# Mounts, cgroups, network interfaces and namespaces, nft elements, processes.
set -euo pipefail

list() {
	awk '{ print "mount " $5 }' /proc/self/mountinfo
	# Groups that only hold those of containers stay, vz's as docker's and podman's.
	find /sys/fs/cgroup -mindepth 1 -type d -printf 'cgroup %p\n' 2>/dev/null |
		grep -vE '/(vz|vztest|parent|parent/vz|docker|libpod_parent|libpod_parent/conmon)$' || true
	for interface in /sys/class/net/*; do
		echo "interface ${interface##*/}"
	done
	for namespace in /run/netns/*; do
		[[ -e $namespace ]] && echo "namespace $namespace"
	done
	if [[ $(id -u) -eq 0 ]] && command -v nft >/dev/null; then
		nft --stateless list ruleset 2>/dev/null | sed 's/^[[:space:]]*/nft /' || true
	fi
	for status in /proc/[0-9]*/comm; do
		read -r name 2>/dev/null <"$status" || continue
		[[ $name == vz || $name == vz-* ]] && echo "process $name ${status//[!0-9]/}"
	done
	return 0
}

if [[ $# -eq 0 ]]; then
	list | sort
	exit 0
fi

# What is on its way out may take a moment.
for attempt in 1 2 3 4 5 6 7 8 9 10; do
	more=$(list | sort | comm -13 "$1" -)
	[[ -z $more ]] && echo "nothing left behind" && exit 0
	[[ $attempt -lt 10 ]] && sleep 0.5
done
echo "left behind:" >&2
echo "$more" >&2
exit 1
