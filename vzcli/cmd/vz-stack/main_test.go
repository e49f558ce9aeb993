package main

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"vz.internal/vzcli/internal/cli"
)

var update = flag.Bool("update", false, "rewrite the expected output in the scripts")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"vz-stack": main,
		"vz":       func() { os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
	})
}

func TestScript(t *testing.T) { testscript.Run(t, params("testdata/script")) }

// TestConformance runs the scenarios of the Compose Specification's
// conformance tests on the fake backend, which has no network traffic.
func TestConformance(t *testing.T) { testscript.Run(t, params("testdata/conformance")) }

func params(dir string) testscript.Params {
	return testscript.Params{
		Dir:                 dir,
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("VZ_HOME", e.WorkDir+"/home")
			e.Setenv("VZ_RUN", e.WorkDir+"/run")
			e.Setenv("VZ_BACKEND", "fake")
			e.Setenv("SERVER", "sleep 1000")
			return nil
		},
		Condition: func(name string) (bool, error) {
			switch name {
			case "traffic", "native":
				return false, nil
			}
			return false, fmt.Errorf("unknown condition %s", name)
		},
	}
}
