#!/bin/bash
# usage: package.sh FILE.deb
# On a Debian of its own: installs the package, runs the demo and a container,
# removes it, and fails when anything is left of it.
set -euo pipefail
deb=$1

# Files of the system; what dpkg writes of all that it ever did is not the package's.
list() {
	find / -xdev \( -path /var/lib/dpkg -o -path /var/log -o -path /tmp -o -path /run -o -path /.old -o -path /root -o -path /var/cache \) -prune -o -printf '%y %m %U:%G %p %l\n' | sort
	(cd /var/lib/dpkg/info && printf 'dpkg %s\n' * | sort)
	printf 'interface %s\n' /sys/class/net/*
	cut -d ' ' -f 2 /proc/mounts | sed 's/^/mount /'
}
# Waits for the end of every program of vz; a monitor ends shortly after its container.
ended() {
	for exe in /proc/[0-9]*/exe; do
		name=$(readlink "$exe") || continue # it has ended
		pid=${exe#/proc/}
		pid=${pid%/exe}
		[[ $name != */vz* ]] || timeout 60 tail --pid="$pid" -f /dev/null || {
			echo "after the removal there is process $pid: $name" >&2
			return 1
		}
	done
}

list >/tmp/before
dpkg -i "$deb"
vz version
echo "version: $(dpkg-query -W -f '${Version} ${Status}' vz)"
for page in vz vz-run vz-sandbox-pool-serve vz-stack-up vz-system-resume; do
	[[ -s /usr/share/man/man1/$page.1.gz ]] || {
		echo "no manual page of $page" >&2
		exit 1
	}
done
bash -n /usr/share/bash-completion/completions/vz
[[ -e /lib/systemd/system/vz-resume.service ]]

echo "== demo"
/usr/share/doc/vz/examples/demo.sh /usr/bin

echo "== upgrade leaves containers running, removal stops them"
vz run -d --name left --init vz:builtin sleep 1000
dpkg -i "$deb"
[[ $(vz ps --format '{{.Names}}') == left ]]
dpkg -r vz
ended
[[ -d /var/lib/vz && ! -e /usr/bin/vz ]]

echo "== purge"
dpkg -P vz
list >/tmp/after
diff /tmp/before /tmp/after
echo "nothing is left"
