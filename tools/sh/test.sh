#!/bin/bash
# usage: test.sh TAGS TESTFLAGS MODULE...
# Runs the tests of each module and fails when mounts, cgroups, interfaces, nft
# elements or processes are left over.
set -euo pipefail
cd "$(dirname "$0")/../.."
tags=$1 flags=$2
shift 2

PATH=$PWD/bin:$PATH
before=$(mktemp)
trap 'rm -f "$before"' EXIT
tools/sh/leaks.sh >"$before"

failed=()
for module in "$@"; do
	echo "== test $module"
	# shellcheck disable=SC2086 # the flags are words
	(cd "$module" && go test -tags "$tags" $flags ./...) || failed+=("$module")
done

# A module apart from the workspace.
echo "== test tools/release"
# shellcheck disable=SC2086 # the flags are words
(cd tools/release && GOWORK=off go test $flags ./...) || failed+=(tools/release)

echo "== leaks"
tools/sh/leaks.sh "$before" || failed+=(leaks)
if [[ ${#failed[@]} -gt 0 ]]; then
	echo "FAILED: ${failed[*]}" >&2
	exit 1
fi
echo "all tests passed"
