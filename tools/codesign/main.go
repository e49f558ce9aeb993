// Command codesign signs a program ad hoc with entitlements/vz.entitlements, without
// which macOS lets no program run virtual machines, and then runs it. It is for
// `go test -exec` on a Mac; a first argument -only signs and does not run.
//
//	go test -tags vzmac -exec 'go run vz.internal/tools/codesign' ./vzf/
//	go run ./codesign -only ../bin/vz-vmm
package main

import (
	_ "embed" // the manual
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"vz.internal/tools/internal/manual"
	"vz.internal/tools/internal/workspace"
)

//go:embed main.go
var source string

func main() {
	only := flag.Bool("only", false, "sign and do not run")
	manual.ForFlags(source)
	flag.Parse()
	if flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}
	code, err := run("codesign", flag.Args(), *only)
	if err != nil {
		fmt.Fprintln(os.Stderr, "codesign:", err)
		os.Exit(1)
	}
	os.Exit(code)
}

// run signs args[0] with signer and runs args, unless that is not wanted. It returns the
// program's exit code.
func run(signer string, args []string, only bool) (int, error) {
	entitlements, err := entitlements()
	if err != nil {
		return 0, err
	}
	out, err := exec.Command(signer, "--force", "--sign", "-", "--entitlements", entitlements, args[0]).CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("sign %s: %w: %s", args[0], err, strings.TrimSpace(string(out)))
	}
	if only {
		return 0, nil
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err = cmd.Run()
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		return max(exit.ExitCode(), 1), nil // a signal has no code
	}
	return 0, err
}

// entitlements is the path of what the program may do, in the work tree.
func entitlements() (string, error) {
	root, err := workspace.Find(".")
	if err != nil {
		return "", err
	}
	path := filepath.Join(root, "entitlements", "vz.entitlements")
	_, err = os.Stat(path)
	return path, err
}
