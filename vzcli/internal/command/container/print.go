package container

import (
	"fmt"

	"vz.internal/vzcli/internal/command"
)

func printLine(env *command.Env, line string) error {
	_, err := fmt.Fprintln(env.Stdout, line)
	return err
}
