#!/bin/bash
# usage: check.sh TAGS TOOLS MODULE...
# All checks that need no container. Each prints how long it took. With ONLY in
# the environment just the checks that it names run.
set -euo pipefail
cd "$(dirname "$0")/../.."
tags=$1 tools=$2
shift 2
modules=("$@")
failed=()

check() {
	local name=$1 start=$EPOCHREALTIME out
	shift
	[[ -z ${ONLY-} || " $ONLY " == *" $name "* ]] || return 0
	if out=$("$@" 2>&1); then
		result=ok
	else
		result=FAILED
		failed+=("$name")
	fi
	awk -v name="$name" -v result="$result" -v from="$start" -v to="$EPOCHREALTIME" \
		'BEGIN { printf "%-14s %-6s %5.1f s\n", name, result, to - from }'
	[[ $result == ok ]] || printf '    %s\n' "${out//$'\n'/$'\n'    }"
}

formatted() {
	local out
	out=$("$tools/gofumpt" -l "${modules[@]}")
	[[ -z $out ]] || {
		echo "not formatted (make fmt):"
		echo "$out"
		return 1
	}
}

in_each() { # command... in each module; "." stands for all modules
	local status=0
	for module in "${each[@]}"; do
		(cd "$module" && "$@") || status=1
	done
	return $status
}

# What is for a Mac: all modules but of tools only what is of use there. The tag is that
# of tests that need one.
mac_tools=(codesign darwincheck internal/... mkinitramfs modcheck modtool repocheck stubgen)
mac_tags=vzmac

darwin_types() {
	local patterns=() module
	for module in "${modules[@]}"; do
		[[ $module == tools ]] || patterns+=("./$module/...")
	done
	go run -trimpath ./tools/darwincheck -tags "$mac_tags" "${patterns[@]}" "${mac_tools[@]/#/./tools/}"
}

# Without a Mac's compiler and headers nothing vets a package with cgo: copies
# without it stand in for those that are imported.
darwin_vet() {
	local stubs=$PWD/.cache/darwin each=() module
	go run -trimpath ./tools/stubgen -o "$stubs" "github.com/Code-Hex/vz/v3@$(cd vzcore && go list -m -f '{{.Version}}' github.com/Code-Hex/vz/v3)" || return 1
	for module in "${modules[@]}"; do
		[[ $module == tools ]] || each+=("$module")
	done
	export GOWORK=$stubs/go.work GOOS=darwin GOARCH=arm64 CGO_ENABLED=0
	in_each go vet -tags "$mac_tags" ./... && (cd tools && go vet "${mac_tools[@]/#/./}") || return 1
	# What only Linux needs is unused there.
	in_each "$tools/staticcheck" -tags "$mac_tags" -checks inherit,-U1000 ./... &&
		(cd tools && "$tools/staticcheck" -checks inherit,-U1000 "${mac_tools[@]/#/./}")
}

# What is pure Go is built for a Mac: what people get, and the agent of macOS guests.
darwin_build() {
	local out command
	out=$(mktemp -d)
	# shellcheck disable=SC2064
	trap "rm -rf '$out'" RETURN
	for command in vzcli/cmd/vz vzcli/cmd/vz-sandbox vzcli/cmd/vz-stack vzcli/cmd/vz-vm vzlinux/cmd/vz-guest-agent; do
		GOOS=darwin GOARCH=arm64 CGO_ENABLED=0 go build -trimpath -o "$out/" "./$command" || return 1
	done
	(cd tools && GOOS=darwin GOARCH=arm64 CGO_ENABLED=0 go build -trimpath -o "$out/" ./codesign ./darwincheck ./mkinitramfs ./modcheck ./modtool ./stubgen)
}

# Modules apart from the workspace.
apart() {
	(cd tools/release && GOWORK=off GOFLAGS='' go mod tidy -diff && GOWORK=off GOFLAGS='' go vet ./... && GOWORK=off GOFLAGS='' "$tools/staticcheck" ./...)
}

help() { (cd vzcli && go run -trimpath -tags "$tags" ./internal/manual/generate check ../docs/commands.md); }

bazel_files() { git ls-files -z --cached --others --exclude-standard -- '*.bazel'; }

bazel_format() {
	bazel_files | xargs -0 "$tools/buildifier" -mode=check -lint=warn || {
		echo "not formatted, or with warnings: run \`make generate\`"
		return 1
	}
}

scripts() {
	git ls-files -z --cached --others --exclude-standard -- '*.sh' .ci/run 'packaging/deb/*' | xargs -0 shellcheck
}

each=("${modules[@]}")
check gofumpt formatted
check vet in_each go vet -tags "$tags" ./...
check darwincheck darwin_types
check vet-darwin darwin_vet
check build-darwin darwin_build
check staticcheck in_each "$tools/staticcheck" -tags "$tags" ./...
check release apart
check gazelle tools/sh/generate.sh "$tools" diff
check buildifier bazel_format
check modtool bash -c 'cd tools && go run ./modtool check'
check api bash -c 'cd tools && go run -trimpath ./modtool api check'
check help help
check repocheck bash -c 'cd tools && go test -trimpath -count=1 ./repocheck'
if [[ -n ${ONLY-} ]] || command -v shellcheck >/dev/null; then
	check shellcheck scripts
else
	echo "shellcheck     FAILED: it is not installed (tools/sh/packages.sh test)"
	failed+=(shellcheck)
fi

if [[ ${#failed[@]} -gt 0 ]]; then
	echo "FAILED: ${failed[*]}" >&2
	exit 1
fi
