#!/bin/bash
# usage: sysroot.sh ARCH
# Prints a directory with Debian's libseccomp for another architecture, for cross
# builds, and busybox, for tests in guests. It is fetched once, with package lists of its own, into .cache/: this
# machine's packages and architectures stay as they are.
set -euo pipefail
cd "$(dirname "$0")/../.."
arch=$1
dir=$PWD/.cache/sysroot/$arch
if [[ ! -s $dir/.complete ]]; then
	command -v apt-get >/dev/null || {
		echo "sysroot.sh: libseccomp and busybox for $arch are taken from Debian's or Ubuntu's packages, and there is no apt-get here" >&2
		exit 1
	}
	rm -rf "$dir"
	apt=$(mktemp -d)
	trap 'rm -rf "$apt"' EXIT
	chmod 755 "$apt"
	mkdir -p "$dir" "$apt"/{lists,cache,deb}/partial
	options=(-qq -o "Dir::State::lists=$apt/lists" -o "Dir::Cache=$apt/cache" -o Dir::State::status=/dev/null
		-o "APT::Architecture=$arch" -o "APT::Architectures=$arch" -o APT::Sandbox::User=root)
	echo "fetch libseccomp and busybox for $arch" >&2
	(cd "$apt/deb" && apt-get "${options[@]}" update && apt-get "${options[@]}" download libseccomp-dev busybox-static) >&2
	for package in "$apt"/deb/*.deb; do dpkg -x "$package" "$dir"; done
	dpkg-deb -f "$apt"/deb/libseccomp-dev_*.deb Version >"$dir/.complete"
fi
echo "$dir"
