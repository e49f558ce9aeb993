// Command vz-sandbox makes and uses sandboxes; people call it as vz sandbox.
package main

import (
	"os"

	"vz.internal/vzcli/internal/cli"
	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/command/sandbox"
)

func main() {
	os.Exit(cli.Run(sandbox.Program(), os.Args[1:], command.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
}
