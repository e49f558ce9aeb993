#!/bin/bash
# usage: test.sh TAGS TESTFLAGS MODULE...
# Runs the tests of each module and fails when mounts, cgroups, interfaces, nft
# elements or processes are left over. With VZ_RETRY=1 a package that failed runs
# once more; one that passes then is named as unsteady at the end.
set -euo pipefail
cd "$(dirname "$0")/../.."
tags=$1 flags=$2
shift 2

PATH=$PWD/bin:$PATH
before=$(mktemp) log=$(mktemp)
trap 'rm -f "$before" "$log"' EXIT
tools/sh/leaks.sh >"$before"

run() { # MODULE PACKAGE...
	# shellcheck disable=SC2086 # the flags are words
	(cd "$1" && go test -tags "$tags" $flags "${@:2}")
}

failed=() unsteady=()
for module in "$@"; do
	echo "== test $module"
	run "$module" ./... | tee "$log" && continue
	mapfile -t packages < <(awk '$1 == "FAIL" && $2 != "" { print $2 }' "$log")
	if [[ -n ${VZ_RETRY-} && ${#packages[@]} -gt 0 ]] && echo "== once more" && run "$module" "${packages[@]}"; then
		unsteady+=("${packages[@]}")
	else
		failed+=("$module")
	fi
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
if [[ ${#unsteady[@]} -gt 0 ]]; then
	echo "UNSTEADY, passed the second time only: ${unsteady[*]}" >&2
fi
echo "all tests passed"
