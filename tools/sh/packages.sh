#!/bin/bash
# usage: packages.sh build|test|guest|release
# Installs the system packages that the step needs and that are missing. On
# Debian and Ubuntu apt does it, as root or by sudo; elsewhere the script says
# what to install.
set -euo pipefail

case ${1:-} in
build) packages=(gcc libc6-dev libseccomp-dev pkg-config ca-certificates) ;;
test)
	packages=(
		busybox-static curl iproute2 nftables procps shellcheck
		# for tools/e2e; docker, where it is installed, is compared with too
		conmon crun debian-archive-keyring debootstrap docker-registry netavark podman runc skopeo tmux umoci zstd
		# what ordinary users have
		passt slirp4netns uidmap
	)
	;;
guest) packages=(e2fsprogs qemu-system-x86) ;;
release)
	# The compiler for the other architecture.
	case $(uname -m) in
	x86_64) packages=(gcc-aarch64-linux-gnu libc6-dev-arm64-cross) ;;
	aarch64) packages=(gcc-x86-64-linux-gnu libc6-dev-amd64-cross) ;;
	*) packages=(gcc-aarch64-linux-gnu libc6-dev-arm64-cross gcc-x86-64-linux-gnu libc6-dev-amd64-cross) ;;
	esac
	;;
*)
	echo "usage: packages.sh build|test|guest|release" >&2
	exit 2
	;;
esac

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
	if [[ $1 == build ]]; then
		pkg-config --exists libseccomp 2>/dev/null && command -v "${CC:-gcc}" >/dev/null && exit 0
	else
		missing=()
		for program in busybox ip nft shellcheck; do
			command -v "$program" >/dev/null || missing+=("$program")
		done
		[[ ${#missing[@]} -eq 0 ]] && exit 0
	fi
	echo "This is no Debian or Ubuntu. Install what its packages ${packages[*]} hold, then try again." >&2
	exit 1
fi

missing=()
for package in "${packages[@]}"; do
	state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
	[[ $state == installed ]] || missing+=("$package")
done
# Since QEMU 8.0 virtiofsd is no part of it: it is a package of its own where it is not
# in qemu-system-common (Debian 13, Ubuntu 24.04).
apart=()
add_apart() {
	local package
	for package in "${apart[@]}"; do
		! apt-cache show "$package" >/dev/null 2>&1 || missing+=("$package")
	done
}
[[ $1 != guest || -x /usr/lib/qemu/virtiofsd || -x /usr/libexec/virtiofsd ]] || apart=(virtiofsd)
[[ ${#missing[@]} -eq 0 && ${#apart[@]} -eq 0 ]] && exit 0

run=()
if [[ $(id -u) -ne 0 ]]; then
	if ! command -v sudo >/dev/null; then
		add_apart
		echo "Missing packages: ${missing[*]}. Install them as root (there is no sudo): apt-get install ${missing[*]}" >&2
		exit 1
	fi
	run=(sudo)
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt() {
	if ! "${run[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq "$@" >"$log" 2>&1; then
		cat "$log" >&2
		echo "apt-get $* failed" >&2
		exit 1
	fi
}
apt update
add_apart
[[ ${#missing[@]} -eq 0 ]] && exit 0
echo "install packages: ${missing[*]}"
apt install -y --no-install-recommends "${missing[@]}"
