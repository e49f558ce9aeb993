package main

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"os/exec"
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

func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", UpdateScripts: *update, RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error { return setup(e, "fake") },
	})
}

// TestConformance runs the scenarios of the Compose Specification's
// conformance tests, on the backend that $VZ_BACKEND names, else on the fake
// one, which has no network traffic.
func TestConformance(t *testing.T) {
	backend := cmp.Or(os.Getenv("VZ_BACKEND"), "fake")
	testscript.Run(t, testscript.Params{
		Dir: "testdata/conformance", UpdateScripts: *update, RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			server := "httpd -p 80 -h /www"
			if backend == "fake" {
				server = "sleep 1000"
			}
			e.Setenv("SERVER", server)
			e.Defer(func() { cleanUp(t, e) })
			return setup(e, backend)
		},
		Condition: func(name string) (bool, error) {
			if name == "traffic" {
				return backend != "fake", nil
			}
			return false, fmt.Errorf("unknown condition %s", name)
		},
	})
}

func setup(e *testscript.Env, backend string) error {
	e.Setenv("HOME", e.WorkDir)
	e.Setenv("VZ_HOME", e.WorkDir+"/home")
	e.Setenv("VZ_RUN", e.WorkDir+"/run")
	e.Setenv("VZ_BACKEND", backend)
	return nil
}

// cleanUp removes what a script that failed has left running.
func cleanUp(t *testing.T, e *testscript.Env) {
	for _, args := range [][]string{{"vz-stack", "-p", "shop", "down", "-v", "-t", "0"}} {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Dir, cmd.Env = e.WorkDir, e.Vars
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Logf("clean up: %v: %s", err, out)
		}
	}
}
