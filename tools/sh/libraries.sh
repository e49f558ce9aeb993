#!/bin/bash
# usage: libraries.sh ARCH
# Prints the C libraries that programs with cgo are linked with, each with the
# version of the Debian package that it is from.
set -euo pipefail
cd "$(dirname "$0")/../.."
arch=$1
here=$(dpkg --print-architecture)
if [[ $arch == "$here" ]]; then
	dpkg-query -W -f '${Package} ${Version}\n' libc6-dev libseccomp-dev
else
	dpkg-query -W -f '${Package} ${Version}\n' "libc6-dev-$arch-cross"
	echo "libseccomp-dev $(cat ".cache/sysroot/$arch/.complete")"
fi
