# vz: `make help` lists what there is to do.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

MODULES := $(patsubst %/go.mod,%,$(wildcard vz*/go.mod))
COMMANDS := $(notdir $(patsubst %/,%,$(sort $(dir $(wildcard vz*/cmd/*/main*.go)))))

# libcontainer needs cgo, so the programs that link it are static by hand. All
# others are pure Go.
CGO_COMMANDS := vz vz-guest-agent vz-monitor vz-sandbox vz-stack vz-vm
TAGS := netgo,osusergo,seccomp
LDFLAGS := -s -w -buildid=
STATIC := -linkmode external -extldflags -static

# Programs that only developers need, at the versions of tools/lint/go.mod.
CACHE := $(CURDIR)/.cache
TOOLS := $(CACHE)/tools

GO ?= go
# Where programs are built, for GOARCH.
OUT := bin
# Two tests at a time: most of them wait for containers, not for a processor.
TESTFLAGS ?= -p 2 -shuffle=on -count=1 -timeout 20m
FUZZTIME ?= 30s
# Needs that may not be skipped, for .ci/run: VZ_REQUIRE=root,net

# What tools/sh/build.sh builds with, for `make build` and for releases.
export CGO_COMMANDS TAGS LDFLAGS STATIC BUILDFLAGS GO

export VZ_REQUIRE

.PHONY: help build demo test race check generate fmt tools linters release release-check validation bench fuzz clean packages-build packages-test packages-release

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: $(addprefix build-,$(COMMANDS)) ## build all programs into OUT (bin/), for GOARCH

build-%:
	@tools/sh/build.sh "$$($(GO) env GOOS)" "$$($(GO) env GOARCH)" '$(OUT)' $*

demo: packages-build ## install what is missing, build, run containers from vz:builtin
	@$(MAKE) --no-print-directory build
	@demo/demo.sh bin

test: packages-build packages-test linters ## install what is missing, run all tests, look for leaks
	@$(MAKE) --no-print-directory build
	@tools/sh/test.sh '$(TAGS)' '$(TESTFLAGS)' $(MODULES) tools

race: ## run the portable tests with the race detector
	@for m in vzcontract vzoci vzsandbox vzcli; do echo "== $$m"; (cd $$m && $(GO) test -race -timeout 20m ./...); done

check: packages-build packages-test linters ## format, vet, staticcheck, Bazel files, modules, repository rules, scripts
	@tools/sh/check.sh '$(TAGS)' '$(TOOLS)' $(MODULES) tools

generate: linters ## write BUILD.bazel files and MODULE.bazel's use_repo anew, format
	@tools/sh/generate.sh '$(TOOLS)'

fmt: linters ## format all Go files
	@$(TOOLS)/gofumpt -w $(MODULES) tools

tools: linters ## build the linters, gazelle and the tools of this repository into .cache/tools
	@cd tools && $(GO) build -trimpath -o $(TOOLS)/ ./bench ./mkinitramfs ./modcheck ./modtool
	@cd tools/release && GOWORK=off GOFLAGS= $(GO) build -trimpath -o $(TOOLS)/release .
	@echo "in .cache/tools, each with -h:"; ls $(TOOLS)

linters: $(TOOLS)/.stamp

$(TOOLS)/.stamp: tools/lint/go.mod tools/lint/go.sum
	@echo "build linters and gazelle (once)"
	@mkdir -p $(TOOLS)
	@cd tools/lint && GOWORK=off GOFLAGS= GOBIN=$(TOOLS) $(GO) install tool
	@touch $@

release: packages-build packages-release ## pack VERSION=1.2.3 for all systems into dist/, installing cross compilers
	@tools/sh/release.sh '$(VERSION)' "$(CURDIR)/dist"

release-check: packages-build packages-release ## build VERSION twice, apart, and compare the digests
	@tools/sh/release-check.sh '$(VERSION)'

validation: build packages-test ## the OCI runtime specification's programs, beside runc (minutes)
	@cd tools && VZ_VALIDATION=1 PATH=$(CURDIR)/bin:$$PATH $(GO) test -count=1 -v -timeout 30m -run TestValidation ./e2e

bench: build ## compare with the container tools that are installed
	@cd tools && $(GO) run ./bench -vz ../bin/vz

fuzz: ## run every fuzz target for FUZZTIME (30s)
	@tools/sh/fuzz.sh '$(TAGS)' '$(FUZZTIME)' $(MODULES)

clean: ## remove what was built
	@rm -rf bin dist .cache

packages-build:
	@tools/sh/packages.sh build

packages-test:
	@tools/sh/packages.sh test

packages-release:
	@tools/sh/packages.sh release
