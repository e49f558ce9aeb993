package cli

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"vz.internal/vzcontract"
)

// companions maps a verb to the program that has it.
var companions = map[string]string{
	"stack": "vz-stack", "compose": "vz-stack", "vm": "vz-vm", "sandbox": "vz-sandbox", "dev": "vz-dev",
}

var companionHelp = map[string]string{
	"stack": "Compose stacks (also vz compose)", "vm": "virtual machines as such",
	"sandbox": "pools of sandboxes", "dev": "the development environment of vz.json",
}

// companion replaces vz by the program that has the verb. It returns only when
// that failed.
func companion(verb string, args []string) error {
	program := companions[verb]
	if path, ok := besideVZ(program); ok {
		err := syscall.Exec(path, append([]string{program}, args...), os.Environ())
		return fmt.Errorf("run %s: %w", path, err)
	}
	return vzcontract.Errorf(vzcontract.ErrUnavailable,
		"%s: %s is not beside vz or in $VZ_LIBEXEC; build it with `make build` or `go install vz.internal/vzcli/cmd/%s@latest`",
		verb, program, program)
}

// besideVZ finds a program that is installed together with vz.
func besideVZ(program string) (path string, ok bool) {
	for _, dir := range companionDirs() {
		path := filepath.Join(dir, program)
		if _, err := os.Stat(path); err == nil {
			return path, true
		}
	}
	return "", false
}

func companionDirs() []string {
	var dirs []string
	if d := os.Getenv("VZ_LIBEXEC"); d != "" {
		dirs = append(dirs, d)
	}
	if self, err := os.Executable(); err == nil {
		dirs = append(dirs, filepath.Dir(self))
	}
	if found, err := exec.LookPath("vz"); err == nil {
		dirs = append(dirs, filepath.Dir(found))
	}
	return dirs
}
