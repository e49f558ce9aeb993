#!/bin/bash
# usage: generate.sh TOOLS [diff]
# Writes what is generated: use_repo in MODULE.bazel and the BUILD.bazel files,
# without the network, the API of each module and the reference of all commands.
# With "diff" it only shows what would change in Bazel's files, and fails when
# that is anything.
set -euo pipefail
cd "$(dirname "$0")/../.."
tools=$1 mode=${2:-fix}

# Gazelle would ask the network for the repository of each import; a list of the
# modules that the workspace is built from answers instead.
repos=$(mktemp)
trap 'rm -f "$repos"' EXIT
(cd tools && go run -trimpath ./modcheck -repos) >"$repos"

gazelle() {
	GOPROXY=off GOFLAGS=-mod=mod "$tools/gazelle" update -mode="$1" -external=static -repo_config="$repos" -repo_root="$PWD" "${@:2}"
}

if [[ $mode == diff ]]; then
	status=0
	gazelle diff || {
		echo "BUILD.bazel files are not what the sources need (the difference is above): run \`make generate\`"
		status=1
	}
	(cd tools && go run -trimpath ./modcheck) || status=1
	exit $status
fi

(cd tools && go run -trimpath ./modcheck -w)
gazelle fix
# Tests of a package that asks for root do so as a whole.
git ls-files -z --cached --others --exclude-standard -- '*_test.go' | xargs -0 grep -lE '(testreq|need)\.(Root|Net|CgroupV2)\(' | while read -r file; do
	dir=${file%/*}
	[[ $dir == */testreq || $dir == */need ]] && continue
	"$tools/buildozer" -quiet 'set tags "requires-root"' "//$dir:%go_test" || [[ $? -eq 3 ]] # 3: nothing to change
done
# Packages without a file for macOS are for Linux alone.
packages() { # prints the directories of the packages that a system has
	local module
	for module in vz*/; do
		(cd "$module" && GOOS=$1 CGO_ENABLED=0 go list -e -f '{{if or .GoFiles .CgoFiles}}{{.Dir}}{{end}}' ./...)
	done | sort
}
comm -23 <(packages linux) <(packages darwin) | while read -r dir; do
	for kind in go_library go_binary go_test; do
		"$tools/buildozer" -quiet 'set target_compatible_with "@platforms//os:linux"' "//${dir#"$PWD/"}:%$kind" || [[ $? -eq 3 ]]
	done
done
git ls-files -z --cached --others --exclude-standard -- '*.bazel' | xargs -0 "$tools/buildifier" -lint=fix
mapfile -t modules < <(printf '%s\n' */go.mod | sed 's,/go.mod,,')
"$tools/gofumpt" -w "${modules[@]}"

(cd tools && go run -trimpath ./modtool api write)
(cd vzcli && go run -trimpath -tags netgo,osusergo,seccomp ./internal/manual/generate reference ../docs/commands.md)
