package command

import (
	"os"
	"os/exec"
	"path/filepath"
)

// Companions are the verbs of vz that other programs have, with the names of these.
var Companions = map[string]string{"stack": "vz-stack", "compose": "vz-stack", "vm": "vz-vm", "sandbox": "vz-sandbox"}

// Companion finds a program that is installed together with vz: in
// $VZ_LIBEXEC, beside this program or beside vz.
func Companion(program string) (path string, ok bool) {
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
