package cli_test

import (
	"fmt"
	"os"
	"strings"

	"vz.internal/vzcli/internal/cli"
)

// The whole program is a function, so that tests run it in their own process.
func ExampleMain() {
	dir, err := os.MkdirTemp("", "vz")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	args := []string{"--backend", "fake", "--home", dir, "--run", dir, "run", "--rm", "vz:builtin", "echo", "hi"}
	fmt.Println("exit code", cli.Main(args, strings.NewReader(""), os.Stdout, os.Stderr))
	// Output:
	// hi
	// exit code 0
}
