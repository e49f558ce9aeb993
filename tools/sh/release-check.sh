#!/bin/bash
# usage: release-check.sh VERSION
# Builds a release of HEAD twice, in clones in two directories of different
# lengths and with empty build caches, and fails when a digest differs. The
# Makefile, which holds the flags, calls it.
set -euo pipefail
cd "$(dirname "$0")/../.."
version=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for at in one another/one; do
	git clone -q . "$work/$at"
	GOCACHE=$work/cache "$work/$at/tools/sh/release.sh" "$version" "$work/$at/dist"
	rm -rf "$work/cache"
done
diff "$work"/{one,another/one}/dist/SHA256SUMS
echo "both builds have the same digests:"
cat "$work/one/dist/SHA256SUMS"
