#!/bin/bash
# usage: build.sh OS ARCH DIR COMMAND...
# Builds the commands for a system into DIR. The Makefile, which holds the
# flags, gives them as CGO_COMMANDS, TAGS, LDFLAGS, STATIC and BUILDFLAGS.
set -euo pipefail
cd "$(dirname "$0")/../.."
os=$1 arch=$2 out=$3
shift 3
go=${GO:-go}
mkdir -p "$out"
out=$(cd "$out" && pwd)

# A compiler and libseccomp for another architecture than this machine's.
cross=()
if [[ $os == linux && $arch != "$(GOARCH='' $go env GOARCH)" && " $* " =~ \ (${CGO_COMMANDS// /|})\  ]]; then
	case $arch in
	amd64) triple=x86_64-linux-gnu ;;
	arm64) triple=aarch64-linux-gnu ;;
	*)
		echo "build.sh: no cross compiler is known for $arch" >&2
		exit 1
		;;
	esac
	sysroot=$(tools/sh/sysroot.sh "$arch")
	cross=(CC="$triple-gcc" PKG_CONFIG_SYSROOT_DIR="$sysroot" PKG_CONFIG_LIBDIR="$sysroot/usr/lib/$triple/pkgconfig")
fi

: "${CGO_COMMANDS?}" "${TAGS?}" "${LDFLAGS?}" "${STATIC?}"
for command; do
	# The directory of a command says its module: vzcli/cmd/vz is built in vzcli.
	dir=$(echo vz*/cmd/"$command")
	env=(GOOS="$os" GOARCH="$arch" CGO_ENABLED=0) ldflags=$LDFLAGS kind=
	if [[ $os == linux && " $CGO_COMMANDS " == *" $command "* ]]; then
		env=(GOOS="$os" GOARCH="$arch" CGO_ENABLED=1 "${cross[@]}") ldflags="$LDFLAGS $STATIC" kind=" (static, cgo)"
	fi
	echo "build ${out#"$PWD/"}/$command$kind"
	# shellcheck disable=SC2086 # BUILDFLAGS are words
	(cd "${dir%%/*}" && env "${env[@]}" "$go" build -trimpath ${BUILDFLAGS-} -tags "$TAGS" -ldflags "$ldflags" -o "$out/$command" "./${dir#*/}")
done
