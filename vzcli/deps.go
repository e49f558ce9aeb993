package vzcli

import (
	_ "github.com/alecthomas/kong"
	_ "github.com/creack/pty"
	_ "github.com/docker/go-units"
	_ "github.com/google/go-cmp/cmp"
	_ "github.com/rogpeppe/go-internal/testscript"
	_ "github.com/stretchr/testify/require"
	_ "github.com/u-root/u-root/pkg/ls"
	_ "github.com/vbauerster/mpb/v8"
	_ "golang.org/x/sys/unix"
	_ "golang.org/x/term"
	_ "mvdan.cc/sh/moreinterp/coreutils"
	_ "mvdan.cc/sh/v3/interp"
	_ "vz.internal/vzcontract"
	_ "vz.internal/vzlinuxnative"
	_ "vz.internal/vzoci"
)
