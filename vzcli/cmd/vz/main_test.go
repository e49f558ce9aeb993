package main

import (
	"flag"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"vz.internal/vzcli/internal/cli"
	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/command/sandbox"
)

var update = flag.Bool("update", false, "rewrite the expected output in the scripts")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"vz": main,
		"vz-sandbox": func() {
			os.Exit(cli.Run(sandbox.Program(), os.Args[1:], command.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
		},
	})
}

func TestScript(t *testing.T) { testscript.Run(t, params(t)) }

func params(t *testing.T) testscript.Params {
	t.Helper()
	return testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		Condition:           func(string) (bool, error) { return false, nil }, // not native
		Setup: func(e *testscript.Env) error {
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("VZ_HOME", e.WorkDir+"/home")
			e.Setenv("VZ_RUN", e.WorkDir+"/run")
			e.Setenv("VZ_BACKEND", "fake")
			return nil
		},
	}
}
