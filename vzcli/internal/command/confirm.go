package command

import (
	"bufio"
	"fmt"
	"strings"
)

// Confirm asks before something is lost. Anything but yes is no; without a
// terminal and without force it is an error, so that no script hangs or prunes
// by accident.
func (e *Env) Confirm(force bool, what string) (bool, error) {
	if force {
		return true, nil
	}
	if _, ok := Terminal(e.Stdin); !ok {
		return false, Usagef("%s: stdin is no terminal to ask on; give --force", strings.ToLower(what))
	}
	fmt.Fprintf(e.Stderr, "WARNING! This will remove %s.\nAre you sure you want to continue? [y/N] ", what)
	answer, err := bufio.NewReader(e.Stdin).ReadString('\n')
	if err != nil {
		return false, nil //nolint:nilerr // no answer is no
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return true, nil
	}
	return false, nil
}
