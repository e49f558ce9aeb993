// Command vz-vm makes and runs virtual machines; people call it as vz vm.
package main

import (
	"os"

	"vz.internal/vzcli/internal/cli"
	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/command/vm"
)

func main() {
	os.Exit(cli.Run(vm.Program(), os.Args[1:], command.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
}
