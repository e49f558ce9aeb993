#!/bin/bash
# usage: fuzz.sh TAGS TIME MODULE...
# Runs every fuzz target of the modules for TIME.
set -euo pipefail
cd "$(dirname "$0")/../.."
tags=$1 time=$2
shift 2

found=0
for module in "$@"; do
	while read -r package; do
		while read -r target; do
			found=$((found + 1))
			echo "== $module $package $target"
			(cd "$module" && go test -tags "$tags" -run '^$' -fuzz "^$target\$" -fuzztime "$time" "$package")
		done < <(cd "$module" && go test -tags "$tags" -list '^Fuzz' "$package" | awk '/^Fuzz/')
	done < <(cd "$module" && go list -tags "$tags" ./...)
done
echo "$found fuzz targets ran"
