#!/bin/bash
# The steps from a tarball to a kernel, for kernel.sh, which sets arch, profile,
# cross and work (a directory of their own). A change here builds all kernels anew.
# shellcheck disable=SC2154 # set by kernel.sh

kmake() { make -s -C "$work/source" O="$work/source/build" ARCH="$arch" CROSS_COMPILE="$cross" "$@" >&2; }

# Fails naming each option that was asked for and is not in the result.
check_config() {
	local config=$1 line missing=0
	while read -r line; do
		case $line in
		CONFIG_*=n) line="# ${line%=n} is not set" ;;
		CONFIG_*=* | "# CONFIG_"*" is not set") ;;
		*) continue ;;
		esac
		if [[ $line == "# "* ]]; then
			local name=${line#"# "}
			name=${name%" is not set"}
			grep -q "^$name=" "$config" || continue
		else
			grep -qxF -- "$line" "$config" && continue
		fi
		say "asked for and not in the result: $line"
		missing=1
	done < <(fragments | xargs cat)
	[[ $missing -eq 0 ]] || die "the configuration lacks options (a dependency is missing, or the option is gone in this kernel)"
}

unpack() {
	local tarball change
	tarball=$(source_tarball)
	mkdir -p "$work/source/build"
	tar -C "$work/source" --strip-components=1 -xf "$tarball"
	while read -r change; do
		patch -s -p1 -F0 --no-backup-if-mismatch -d "$work/source" <"$change" >&2 || die "$change does not fit this source"
	done < <(patches)
}

configure() {
	fragments | xargs cat >"$work/fragment"
	KCONFIG_ALLCONFIG="$work/fragment" kmake allnoconfig
	check_config "$work/source/build/.config"
}

# Builds into the directory $1, which must not exist.
compile() {
	local out=$1 epoch release
	unpack
	configure
	# The date is the source's, not that of the build.
	epoch=$(stat -c %Y "$work/source/Makefile")
	export SOURCE_DATE_EPOCH=$epoch KBUILD_BUILD_TIMESTAMP="@$epoch" KBUILD_BUILD_USER=vz KBUILD_BUILD_HOST=vz KBUILD_BUILD_VERSION=1
	mkdir -p "$out"
	if [[ $arch == x86_64 ]]; then
		kmake -j"${JOBS:-$(nproc)}" bzImage
		"${cross}objcopy" --strip-all "$work/source/build/vmlinux" "$out/vmlinux"
		cp "$work/source/build/arch/x86/boot/bzImage" "$out/bzImage"
	else
		kmake -j"${JOBS:-$(nproc)}" Image
		cp "$work/source/build/arch/arm64/boot/Image" "$out/Image"
	fi
	cp "$work/source/build/.config" "$out/config"
	release=$(cat "$work/source/build/include/config/kernel.release")
	{
		printf '{\n  "kernel": "%s",\n  "arch": "%s",\n  "profile": "%s",\n' "$release" "$arch" "$profile"
		printf '  "source_sha256": "%s",\n  "compiler": "%s",\n  "inputs": "%s",\n  "sha256": {\n' "${KERNEL_SHA256:-$(pin sha256)}" "$(compiler)" "$(key)"
		(cd "$out" && sha256sum -- *) | sed 's/^\([0-9a-f]*\)  \(.*\)$/    "\2": "\1"/; $!s/$/,/'
		printf '  }\n}\n'
	} >"$work/version.json"
	mv "$work/version.json" "$out/version.json"
}

