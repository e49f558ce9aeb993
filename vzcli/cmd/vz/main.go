// Command vz runs containers, with the verbs and flags of docker.
package main

import (
	"os"

	"vz.internal/vzcli/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
