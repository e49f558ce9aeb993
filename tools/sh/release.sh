#!/bin/bash
# usage: release.sh VERSION OUT
# Builds the programs for all systems and packs them into OUT. What is built
# depends on the commit, on Go, and on the C compiler and libraries alone: two
# builds of a commit on one release of Debian have the same digests. The Makefile,
# which holds the flags, calls it.
set -euo pipefail
cd "$(dirname "$0")/../.."
version=${1#v} out=$2

[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.]+)?$ ]] || {
	echo "release: say which version: make release VERSION=0.1.0" >&2
	exit 2
}
commit=$(git rev-parse HEAD)
epoch=$(git log -1 --format=%ct)
if [[ -n $(git status --porcelain) ]]; then
	echo "release: the work tree has changes; the programs will say so" >&2
	commit+=-dirty
fi
export LC_ALL=C TZ=UTC SOURCE_DATE_EPOCH=$epoch GOAMD64=v1 GOARM64=v8.0
unset CGO_CFLAGS CGO_CPPFLAGS CGO_LDFLAGS
command=vz.internal/vzcli/internal/command
BUILDFLAGS="-buildvcs=false"
LDFLAGS+=" -X $command.builtVersion=$version -X $command/system.builtCommit=$commit -X $command/system.builtTime=$(date -u -d "@$epoch" +%Y-%m-%dT%H:%M:%SZ)"
export LDFLAGS BUILDFLAGS

built=$PWD/.cache/release
rm -rf "$built"
linux=(vz vz-box vz-guest-agent vz-monitor vz-sandbox vz-stack vz-vm vz-vmm)
for arch in amd64 arm64; do
	tools/sh/build.sh linux "$arch" "$built/linux_$arch" "${linux[@]}"
	tools/sh/libraries.sh "$arch" >"$built/linux_$arch/c-libraries"
	# macOS: what needs no cgo. vz-vmm, which runs machines, is built and signed on a Mac.
	tools/sh/build.sh darwin "$arch" "$built/darwin_$arch" vz vz-sandbox vz-stack vz-vm
done
echo "write manual pages and completions"
(cd vzcli && go run -trimpath -tags "$TAGS" ./internal/manual/generate share "$built/share" "$version")
echo "pack $out"
(cd tools/release && GOWORK=off GOFLAGS='' go run . -version "$version" -epoch "$epoch" -root ../.. -in "$built" -out "$out")
(cd "$out" && sha256sum -c --quiet SHA256SUMS && ls -l)
