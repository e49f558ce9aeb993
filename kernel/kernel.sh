#!/bin/bash
# usage: kernel.sh packages|source|where|config|build|export|verify ARCH [PROFILE [DIR]]
#
# Builds the kernel of vz's Linux guests. ARCH is x86_64 or arm64, PROFILE is
# container (the default) or developer.
#
#   packages  install what the build needs (Debian and Ubuntu, as root)
#   source    print the checked source tarball, getting it if need be
#   where     print the directory of the result, whether it exists or not
#   config    write the checked configuration alone into DIR
#   build     build unless the result exists; print its directory
#   export    copy the built result into DIR
#   verify    build again elsewhere and compare every byte
#
# The result is kept under $VZ_CACHE (else $XDG_CACHE_HOME/vz, else ~/.cache/vz) by
# the hash of all inputs: source, patches, options, steps, compiler. Two builds of the
# same inputs give the same bytes.
#
# environment:
#   KERNEL_SOURCE, KERNEL_SHA256  another tarball, a path or URL, and its digest
#   KERNEL_INSTALL=1              install the pinned Debian package with the source, or, where
#                                 the system has another one, download it
#   JOBS                          parallel jobs, default: the processors
set -euo pipefail
export LC_ALL=C
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${VZ_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vz}

die() {
	echo "kernel.sh: $*" >&2
	exit 1
}
say() { echo "kernel.sh: $*" >&2; }
pin() { sed -n "s/^$1=//p" "$here/source.pin"; }
digest() { sha256sum -- "$1" | cut -d' ' -f1; }

fragments() { # those that exist, general before special
	local name
	for name in container "container-$arch" developer "developer-$arch"; do
		[[ $profile == container && $name == developer* ]] && continue
		[[ -f $here/config/$name.config ]] && echo "$here/config/$name.config"
	done
	return 0
}

patches() {
	local file
	for file in "$here/patches/$arch"-*.patch; do
		[[ -f $file ]] && echo "$file"
	done
	return 0
}

compiler() { "${cross}gcc" --version | head -n 1; }

# The hash of all inputs.
key() {
	{
		echo "$arch $profile ${KERNEL_SHA256:-$(pin sha256)}"
		compiler
		"${cross}ld" --version | head -n 1
		digest "$here/steps.sh"
		{ fragments; patches; } | while read -r f; do digest "$f"; done
	} | sha256sum | cut -c1-20
}

packages() {
	local list=(bc bison ca-certificates curl flex gcc libc6-dev libelf-dev libssl-dev lz4 make patch xz-utils)
	if [[ $arch == arm64 && $(uname -m) != aarch64 ]]; then
		list+=(gcc-aarch64-linux-gnu)
	elif [[ $arch == x86_64 && $(uname -m) != x86_64 ]]; then
		list+=(gcc-x86-64-linux-gnu)
	fi
	command -v apt-get >/dev/null || die "this is no Debian or Ubuntu: install what its packages ${list[*]} hold"
	DEBIAN_FRONTEND=noninteractive apt-get -qq update >&2
	DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${list[@]}" >&2
}

# Gets the pinned source: Debian's package where this system has that very one, otherwise
# what is in it, into the file $1.
install_source() {
	local kept=$1
	say "install $(pin package) $(pin version)"
	DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$(pin package)=$(pin version)" >&2 && return
	say "this system does not have it: download $(pin archive)"
	mkdir -p "${kept%/*}"
	{ curl -fsSL --retry 3 -o "$kept.deb" "$(pin archive)" &&
		ar p "$kept.deb" data.tar.xz | tar -xJO ".$(pin file)" >"$kept.part" && mv "$kept.part" "$kept"; } || {
		rm -f "$kept.deb" "$kept.part"
		die "Debian's archive no longer has $(pin package) $(pin version): put the version that it has (apt-cache policy $(pin package)), its address and the sha256 of its $(pin file) into kernel/source.pin"
	}
	rm -f "$kept.deb"
}

# Prints the tarball, whose digest is the expected one.
source_tarball() {
	local want=${KERNEL_SHA256:-$(pin sha256)} file=${KERNEL_SOURCE:-$(pin file)} got
	local kept=$cache/kernel/source/$want
	if [[ -n ${KERNEL_SOURCE:-} && -z ${KERNEL_SHA256:-} ]]; then
		die "KERNEL_SOURCE needs KERNEL_SHA256, the digest that the tarball must have"
	fi
	if [[ $file == *://* ]]; then
		if [[ ! -f $kept ]]; then
			say "download $file"
			mkdir -p "${kept%/*}"
			curl -fsSL --retry 3 -C - -o "$kept.part" "$file" >&2
			mv "$kept.part" "$kept"
		fi
		file=$kept
	elif [[ -z ${KERNEL_SOURCE:-} ]] && ! pinned "$file" "$want"; then
		[[ -f $kept || ${KERNEL_INSTALL:-} != 1 ]] || install_source "$kept"
		[[ ! -f $kept ]] || file=$kept
	fi
	[[ -f $file ]] || die "$file does not exist: KERNEL_INSTALL=1 gets it from Debian, or KERNEL_SOURCE=PATH|URL with KERNEL_SHA256 takes another"
	got=$(digest "$file")
	if [[ $got != "$want" ]]; then
		[[ $file == "$cache"/* ]] && rm -f "$file"
		die "$file has the sha256 $got, not $want: KERNEL_INSTALL=1 gets $(pin version) from Debian, or put another version and digest into kernel/source.pin"
	fi
	echo "$file"
}

# pinned tells whether the file $1 has the digest $2.
pinned() { [[ -f $1 && $(digest "$1") == "$2" ]]; }

# The steps whose every change changes the result.
# shellcheck source-path=SCRIPTDIR source=steps.sh
source "$here/steps.sh"

build() {
	local result
	result=$(where)
	if [[ ! -f $result/version.json ]]; then
		mkdir -p "$cache/kernel"
		exec 9>"$cache/kernel/.lock-$arch-$profile"
		flock 9
		if [[ ! -f $result/version.json ]]; then
			say "build $arch $profile: some minutes per processor, once"
			compile "$work/out"
			rm -rf "$result"
			mv "$work/out" "$result"
		fi
	fi
	echo "$result"
}

export_result() {
	local result
	result=$(where)
	[[ -f $result/version.json ]] || die "$arch $profile is not built: kernel.sh build $arch $profile"
	mkdir -p "$directory"
	cp -- "$result"/* "$directory/"
}

verify() {
	local result outer=$work
	result=$(build)
	work=$outer/elsewhere/still
	mkdir -p "$work"
	compile "$outer/again"
	diff -r "$result" "$outer/again" >&2 || die "two builds of the same inputs differ"
	say "two builds of $arch $profile are the same: $(digest "$result/version.json")"
}

where() { echo "$cache/kernel/$arch-$profile-$(key)"; }

# Read as a whole before it runs, so that an edit does not disturb a build.
main() {
	command=${1:-} arch=${2:-} profile=${3:-container} directory=${4:-}
	case $arch in
	x86_64 | arm64) ;;
	*) die "ARCH is x86_64 or arm64, not '$arch'" ;;
	esac
	case $profile in
	container | developer) ;;
	*) die "PROFILE is container or developer, not '$profile'" ;;
	esac
	cross=
	if [[ $arch == arm64 && $(uname -m) != aarch64 ]]; then
		cross=aarch64-linux-gnu-
	elif [[ $arch == x86_64 && $(uname -m) != x86_64 ]]; then
		cross=x86_64-linux-gnu-
	fi

	case $command in
	packages) packages ;;
	source) source_tarball ;;
	where | config | build | export | verify)
		[[ -n $directory || $command != @(config|export) ]] || die "$command needs PROFILE and DIR"
		command -v "${cross}gcc" >/dev/null || die "${cross}gcc is missing: kernel.sh packages $arch, or apt-get install gcc-${cross%-}"
		if [[ $command != @(where|export) ]]; then
			mkdir -p "$cache/kernel"
			work=$(mktemp -d "$cache/kernel/.work-XXXXXX")
			top=$work
			trap 'rm -rf "$top"' EXIT
		fi
		case $command in
		config)
			unpack
			configure
			mkdir -p "$directory"
			cp "$work/source/build/.config" "$directory/config"
			;;
		export) export_result ;;
		where) where ;;
		build) build ;;
		verify) verify ;;
		esac
		;;
	*) die "usage: kernel.sh packages|source|where|config|build|export|verify ARCH [PROFILE [DIR]]" ;;
	esac
}

main "$@"; exit
