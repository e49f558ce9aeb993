// Command modtool works on all modules of the workspace at once.
//
//	modtool tidy            go mod tidy in each, in the order of their needs
//	modtool check           fail where tidy would change something or a module
//	                        does not build by itself
//	modtool api write|check write api.txt in each module, or compare it
//	modtool proxy DIR       write a GOPROXY directory that a file server can serve
//	modtool rename PREFIX   give all modules another path prefix
//	modtool release VERSION set the version, tidy, date the changelog, commit, tag
package main

import (
	_ "embed" // the manual
	"errors"
	"fmt"
	"os"

	"vz.internal/tools/internal/manual"
	"vz.internal/tools/internal/workspace"
)

//go:embed main.go
var source string

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "modtool:", err)
		os.Exit(1)
	}
}

var errUsage = errors.New("usage: modtool tidy | check | api write|check | proxy DIR | rename PREFIX | release VERSION")

func run(args []string) error {
	if len(args) == 0 {
		return errUsage
	}
	if args[0] == "-h" || args[0] == "--help" || args[0] == "help" {
		_, err := fmt.Print(manual.Text(source))
		return err
	}
	root, err := workspace.Find(".")
	if err != nil {
		return err
	}
	w, err := workspace.Load(root)
	if err != nil {
		return err
	}
	switch verb, args := args[0], args[1:]; {
	case verb == "tidy" && len(args) == 0:
		return tidyAll(w, writeBack)
	case verb == "check" && len(args) == 0:
		return check(w)
	case verb == "api" && len(args) == 1 && args[0] == "write":
		return writeAPI(w)
	case verb == "api" && len(args) == 1 && args[0] == "check":
		return checkAPI(w)
	case verb == "proxy" && len(args) == 1:
		return writeProxy(w, args[0])
	case verb == "rename" && len(args) == 1:
		return rename(w, args[0])
	case verb == "release" && len(args) == 1:
		return release(w, args[0])
	}
	return errUsage
}
